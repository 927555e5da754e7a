/* The header as a module: the map that is installed beside it is found by itself. */
#pragma clang module import CFitbit

int main(void)
{
    return fitbit_version()[0] == '0' + FITBIT_VERSION_MAJOR ? 0 : 1;
}

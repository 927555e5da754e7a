/*
 * What the C++ programs of the tests share: checks that end the program, a line of talk with the
 * test, which plays everybody else, and a store for tokens that can be out of order.
 */

#ifndef PROGRAM_HPP
#define PROGRAM_HPP

#include <fitbit.hpp>

#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>
#include <unistd.h>

#define CHECK(condition) \
    do { \
        if (!(condition)) { \
            std::fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
            std::exit(1); \
        } \
    } while (0)

constexpr std::string_view PROFILE = "/1/user/-/profile.json";

// No call of these programs should come near it; valgrind makes everything 50 times slower.
constexpr std::chrono::minutes PATIENCE(5);

// A program that hangs dies.
inline void begin()
{
    alarm(600);
    std::cout << std::unitbuf;
}

// Asks the test, and waits for its answer: one line.
inline std::string ask(std::string_view what, std::string_view about = "")
{
    std::string line;
    std::cout << "? " << what << ' ' << about << std::endl;
    CHECK(std::getline(std::cin, line));
    return line;
}

inline bool has(std::string_view text, std::string_view part)
{
    return text.find(part) != text.npos;
}

#endif

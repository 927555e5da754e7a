module example.org/fitbit

go 1.19

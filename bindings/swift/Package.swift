// swift-tools-version:6.0
// libfitbit for Swift. pkg-config finds the library; one that is not installed, but built with
// `cargo build --release`, is found by
//     swift build -Xcc -I../../include -Xlinker -L../../target/release
// The tests want the simulator (`cargo run --example simulator`) at the address in FITBIT_SIMULATOR.
import PackageDescription

let package = Package(
    name: "fitbit",
    platforms: [.macOS(.v13), .iOS(.v16)],
    products: [.library(name: "Fitbit", targets: ["Fitbit"])],
    targets: [
        .systemLibrary(name: "libfitbit", pkgConfig: "fitbit"),
        .target(name: "Fitbit", dependencies: ["libfitbit"]),
        .executableTarget(name: "login", dependencies: ["Fitbit"]),
        .testTarget(name: "FitbitTests", dependencies: ["Fitbit"]),
    ]
)

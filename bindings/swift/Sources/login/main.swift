// Logs a person in with one call, which opens their browser, and keeps the login in a token file: the
// second run needs no browser. FITBIT_CLIENT_ID, FITBIT_CLIENT_SECRET (if there is one) and
// FITBIT_CALLBACK_URI (such as http://127.0.0.1:8080/callback) are what you registered.

import Fitbit
import Foundation

let settings = ProcessInfo.processInfo.environment
let app = try App(
    .fitbit, clientID: settings["FITBIT_CLIENT_ID"] ?? "",
    clientSecret: settings["FITBIT_CLIENT_SECRET"], callbackURI: settings["FITBIT_CALLBACK_URI"])
let file = "fitbit-login.json"
let client: Client
do {
    client = try await app.client(file: file)
} catch let error as FitbitError where error.code == .reauthorize { // no file yet
    client = try await app.login()
    try await client.setTokenFile(file) // it takes every later token too
}
let profile = try await client.get("/1/user/-/profile.json")
print(String(decoding: profile.body, as: UTF8.self))

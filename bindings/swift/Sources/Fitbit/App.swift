import libfitbit

/// Which service an application is registered with.
public enum Provider: Sendable {
    case fitbit, googleHealth

    var c: FitbitProvider {
        switch self {
        case .fitbit: FITBIT_PROVIDER_FITBIT
        case .googleHealth: FITBIT_PROVIDER_GOOGLE_HEALTH
        }
    }
}

/// What ``App/setEndpoint(_:_:)`` can override.
public enum Endpoint: Sendable {
    case authorize, token, revoke, api

    var c: FitbitEndpoint {
        switch self {
        case .authorize: FITBIT_ENDPOINT_AUTHORIZE
        case .token: FITBIT_ENDPOINT_TOKEN
        case .revoke: FITBIT_ENDPOINT_REVOKE
        case .api: FITBIT_ENDPOINT_API
        }
    }
}

/// Takes every new token, the first one too, as JSON, and saves it so that the person never has to
/// log in again. It returns when the token is safely saved, and throws when it is not: the client then
/// keeps the token and offers it again. It runs on some thread, one call at a time for each client; to
/// ask its own client for anything but ``Client/token()`` would wait for itself, and fails.
public typealias SaveToken = @Sendable (_ tokenJSON: String) throws -> Void

/// The registered application. Set it up, then use it and its clients from any task.
///
/// Functions that may wait are `async`. When a task is cancelled, its call ends with a `CancellationError`
/// within 100 milliseconds. No other task's call is affected. The provider may have carried the request out
/// all the same.
///
/// Some requests are finished first, because ending them could lose the login: the exchange of a login, a
/// revocation, and a renewal with a single-use refresh token (Fitbit). If such a request was already sent,
/// the call waits for its response, at most until the timeout, and saves the new token. An exchange or a
/// revocation that succeeds returns its result, although the task was cancelled. After a renewal the call
/// throws, and the client has the new token.
///
/// Google's refresh tokens can be used again. If a task is cancelled during a renewal at Google, its call
/// ends within 100 milliseconds, and the login loses nothing: the next call within 30 seconds reads the
/// response.
public final class App: @unchecked Sendable {
    /// What the functions of fitbit.h take that are not wrapped here, together with ``FitbitError/check(_:cause:)``.
    public let handle: OpaquePointer

    /// - Parameter clientSecret: nil for an application that has none.
    /// - Parameter callbackURI: exactly as it is registered; nil for an app that only starts from saved
    ///   tokens.
    public init(
        _ provider: Provider, clientID: String, clientSecret: String? = nil,
        callbackURI: String? = nil
    ) throws {
        var app: OpaquePointer?
        try FitbitError.check(fitbit_app_new(provider.c, clientID, clientSecret, callbackURI, &app))
        handle = app!
    }

    deinit {
        fitbit_app_free(handle)
    }

    /// Ends the calls that run now with this app or its clients, and every later call, with
    /// ``FitbitError/Code/cancelled``. A program calls it when it is told to end. Tokens can still be read
    /// and saved.
    public func shutdown() {
        fitbit_app_shutdown(handle)
    }

    // MARK: Setting up, before the first use

    /// The scopes that are asked for; without this call, every one with which something can be read.
    public func setScopes(_ scopes: [String]) throws {
        try FitbitError.check(fitbit_app_set_scopes(handle, scopes.joined(separator: " ")))
    }

    public func setEndpoint(_ endpoint: Endpoint, _ uri: String) throws {
        try FitbitError.check(fitbit_app_set_endpoint(handle, endpoint.c, uri))
    }

    /// How long one call may take as a whole; without this call, 30 seconds.
    public func setTimeout(_ timeout: Duration) throws {
        try FitbitError.check(fitbit_app_set_timeout_ms(handle, timeout.milliseconds))
    }

    // MARK: Logging in

    /// Logs the person at this machine in: opens their browser, listens on the loopback port of the
    /// callback URI for the answer, and makes the client.
    ///
    /// - Parameter timeout: how long the person may take.
    /// - Parameter open: opens the address in place of the default browser; throws if it cannot.
    public func login(
        timeout: Duration = .seconds(300),
        open: (@Sendable (_ authorizationURI: String) throws -> Void)? = nil,
        saveToken: SaveToken? = nil
    ) async throws -> Client {
        let opener = open.map(Receiver.init)
        return try await run { app in
            try Client(saveToken, alsoThrownBy: opener) { onToken, saver, client in
                fitbit_login(
                    app, timeout.milliseconds, opener.map(\.function), opener?.pointer,
                    onToken, saver, client)
            }
        }
    }

    /// Step one of a login whose browser is elsewhere: the address where the person grants access, and
    /// a session to be kept for step two, out of the browser's reach.
    ///
    /// - Parameter params: more parameters, form-encoded: `"scope=sleep&prompt=login"`.
    public func stepOne(params: String? = nil) throws -> (authorizationURI: String, session: String)
    {
        var uri: UnsafeMutablePointer<CChar>?
        var session: UnsafeMutablePointer<CChar>?
        try FitbitError.check(fitbit_step_one(handle, params, &uri, &session))
        return (taken(uri)!, taken(session)!)
    }

    /// Step two: the whole address that the person was sent back to becomes a client.
    public func stepTwo(
        session: String, redirectURI: String, saveToken: SaveToken? = nil
    ) async throws -> Client {
        try await run { app in
            try Client(saveToken) { onToken, saver, client in
                fitbit_step_two(app, session, redirectURI, onToken, saver, client)
            }
        }
    }

    /// A saved token becomes a client; nobody has to log in, and no request is sent.
    public func client(token: String, saveToken: SaveToken? = nil) throws -> Client {
        try Client(saveToken) { onToken, saver, client in
            fitbit_from_token(handle, token, onToken, saver, client)
        }
    }

    /// The same from a token file, which takes every later token too and may be shared by processes.
    public func client(file: String) async throws -> Client {
        try await run { app in
            try Client(nil) { _, _, client in fitbit_from_file(app, file, client) }
        }
    }

    private func run(
        _ call: @escaping @Sendable (OpaquePointer) throws -> Client
    ) async throws -> Client {
        try await Call.run(.app, on: handle) { app in
            try withExtendedLifetime(self) { try call(app) }
        }
    }
}

import Foundation
import libfitbit

/// One person's login. It renews its token by itself; any number of tasks may use it at once.
public final class Client: @unchecked Sendable {
    /// What the functions of fitbit.h take that are not wrapped here, together with ``FitbitError/check(_:cause:)``.
    public let handle: OpaquePointer
    private let saver: Receiver?

    init(
        _ saveToken: SaveToken?, alsoThrownBy opener: Receiver? = nil,
        making make: (
            FitbitTokenCallback?, UnsafeMutableRawPointer?, UnsafeMutablePointer<OpaquePointer?>
        ) -> OpaquePointer?
    ) throws {
        let saver = saveToken.map(Receiver.init)
        var client: OpaquePointer?
        let error = withExtendedLifetime((saver, opener)) {
            make(saver?.function, saver?.pointer, &client)
        }
        try FitbitError.check(error, cause: opener?.thrown)
        (handle, self.saver) = (client!, saver)
    }

    private init(dupOf other: Client) throws {
        var client: OpaquePointer?
        try FitbitError.check(fitbit_dup(other.handle, &client))
        (handle, saver) = (client!, other.saver)
    }

    /// The last client of a login offers a token that could not be saved once more. If a single-use token is
    /// on its way, because a call ran out of time, it is waited for, two seconds at most, and saved.
    deinit {
        withExtendedLifetime(saver) { fitbit_free(handle) }
    }

    // MARK: Settings of its own

    /// Another client of the same login. They share the token and the closure that saves it. Headers,
    /// timeout and rate limit wait are copied; then each client has its own.
    public func dup() throws -> Client {
        try Client(dupOf: self)
    }

    /// Sets a header of this client's requests, over the app's; nil: none. Fitbit chooses units by
    /// `Accept-Language`.
    public func setHeader(_ name: String, _ value: String?) throws {
        try check(fitbit_set_header(handle, name, value))
    }

    /// How long one call of this client may take as a whole; nil: as long as the app's.
    public func setTimeout(_ timeout: Duration?) throws {
        // 0 stands for the app's.
        try check(fitbit_set_timeout_ms(handle, timeout.map { max($0.milliseconds, 1) } ?? 0))
    }

    /// How long a call of this client may wait for a rate limit, in whole seconds; 0: not at all.
    public func setRateLimitWait(_ wait: Duration) throws {
        try check(fitbit_set_rate_limit_wait(handle, UInt32(clamping: wait.components.seconds)))
    }

    // MARK: Requests

    /// Sends a GET request.
    ///
    /// - Parameter path: such as `"/1/user/-/profile.json"`.
    public func get(_ path: String) async throws -> Response {
        try await response { fitbit_get($0, path, $1) }
    }

    /// Sends a POST request with a form, such as `"foodId=42&amount=1"`.
    public func post(_ path: String, form: String? = nil) async throws -> Response {
        try await response { fitbit_post($0, path, form, $1) }
    }

    /// Sends a DELETE request.
    public func delete(_ path: String) async throws -> Response {
        try await response { fitbit_delete($0, path, $1) }
    }

    /// Sends a request of any method, with any body.
    public func request(
        _ method: String, _ path: String, contentType: String? = nil, body: Data? = nil
    ) async throws -> Response {
        try await response { client, response in
            guard let body else {
                return fitbit_request(client, method, path, contentType, nil, 0, response)
            }
            return body.withUnsafeBytes { bytes in
                fitbit_request(
                    client, method, path, contentType, bytes.baseAddress, bytes.count, response)
            }
        }
    }

    /// The page that follows this one of a list; nil where this is the last.
    public func page(after page: Response) async throws -> Response? {
        try await optionalResponse { fitbit_next_page($0, page.handle, $1) }
    }

    // MARK: The login itself

    /// The newest token as JSON. Never a request.
    public func token() throws -> String {
        var token: UnsafeMutablePointer<CChar>?
        try check(fitbit_token(handle, &token))
        return taken(token)!
    }

    /// One field of the newest token, such as `"scope"` or `"expires_at"`; nil where it has none.
    public func tokenField(_ name: String) throws -> String? {
        var value: UnsafeMutablePointer<CChar>?
        try check(fitbit_token_field(handle, name, &value))
        return taken(value)
    }

    /// The provider's id of the person.
    public func userID() async throws -> String {
        try await run { client in
            var userID: UnsafeMutablePointer<CChar>?
            try self.check(fitbit_user_id(client, &userID))
            return taken(userID)!
        }
    }

    /// Renews the token now and saves it.
    public func refresh() async throws {
        try await run { try self.check(fitbit_refresh($0)) }
    }

    /// Offers a token that could not be saved again, now.
    public func save() async throws {
        try await run { try self.check(fitbit_save($0)) }
    }

    /// Saves the token into a file, which takes every later token in place of the closure.
    public func setTokenFile(_ path: String) async throws {
        try await run { try self.check(fitbit_set_token_file($0, path)) }
    }

    /// Ends the login at the provider.
    public func revoke() async throws {
        try await run { try self.check(fitbit_revoke($0)) }
    }

    // MARK: Calls

    private typealias Result = UnsafeMutablePointer<OpaquePointer?>

    private func response(
        _ call: @escaping @Sendable (OpaquePointer, Result) -> OpaquePointer?
    ) async throws -> Response {
        try await optionalResponse(call)!
    }

    private func optionalResponse(
        _ call: @escaping @Sendable (OpaquePointer, Result) -> OpaquePointer?
    ) async throws -> Response? {
        try await run { client in
            var response: OpaquePointer?
            try self.check(call(client, &response))
            return response.map(Response.init)
        }
    }

    private func run<Value: Sendable>(
        _ call: @escaping @Sendable (OpaquePointer) throws -> Value
    ) async throws -> Value {
        try await Call.run(.client, on: handle) { client in
            try withExtendedLifetime(self) { try call(client) }
        }
    }

    private func check(_ error: OpaquePointer?) throws {
        try FitbitError.check(error, cause: saver?.thrown)
    }
}

/// What the API answered, with a status from 200 to 299: anything else is a ``FitbitError``.
public final class Response: @unchecked Sendable {
    public let handle: OpaquePointer

    init(_ handle: OpaquePointer) {
        self.handle = handle
    }

    deinit {
        fitbit_response_free(handle)
    }

    public var status: Int { Int(fitbit_response_status(handle)) }

    /// Usually JSON.
    public var body: Data {
        Data(bytes: fitbit_response_body(handle), count: fitbit_response_body_len(handle))
    }

    /// The value of a header, or nil.
    public func header(_ name: String) -> String? {
        fitbit_response_header(handle, name).map(String.init(cString:))
    }
}

import libfitbit

/// What went wrong. No token, code, secret or password appears in any of its texts.
public struct FitbitError: Error, CustomStringConvertible, Sendable {
    /// What went wrong, and so what to do next: see FitbitErrorCode in fitbit.h.
    public enum Code: UInt32, Sendable, CaseIterable {
        case invalidArgument = 1
        case stateMismatch
        case accessDenied
        case authorization
        case invalidClient
        case reauthorize
        case insufficientScope
        case rateLimited
        case http
        case providerRetired
        case network
        case timeout
        case tls
        case `protocol`
        case store
        case cancelled
        case `internal`
        case signature
    }

    public let code: Code
    /// In words for people, on one line.
    public let message: String
    /// The status of the HTTP answer that was the error, if there was one.
    public let httpStatus: Int?
    /// The provider's own word for it, such as `"expired_token"`.
    public let providerType: String?
    /// The body of the provider's answer, with secrets replaced.
    public let body: String?
    /// How long to wait before trying again, where the provider says so.
    public let retryAfter: Duration?
    /// What a closure of yours threw last, where the code is ``Code/store`` or ``Code/authorization``
    /// because of it.
    public let cause: (any Error)?

    public var description: String { "\(code): \(message)" }

    private init(_ error: OpaquePointer, cause: (any Error)?) {
        // A code that a later version of the library adds is to be treated like this one.
        code = Code(rawValue: fitbit_error_code(error).rawValue) ?? .http
        message = String(cString: fitbit_error_message(error))
        let status = fitbit_error_http_status(error)
        httpStatus = status == 0 ? nil : Int(status)
        providerType = fitbit_error_provider_type(error).map(String.init(cString:))
        body = fitbit_error_body(error).map(String.init(cString:))
        let seconds = fitbit_error_retry_after(error)
        retryAfter = seconds < 0 ? nil : .seconds(seconds)
        self.cause = code == .store || code == .authorization ? cause : nil
    }

    /// Throws the error that a function of fitbit.h returned, if it is one, and frees it.
    public static func check(_ error: OpaquePointer?, cause: (any Error)? = nil) throws {
        guard let error else { return }
        defer { fitbit_error_free(error) }
        throw FitbitError(error, cause: cause)
    }
}

/// A string of the library's as one of Swift's; the former is freed.
func taken(_ text: UnsafeMutablePointer<CChar>?) -> String? {
    defer { fitbit_string_free(text) }
    return text.map { String(cString: $0) }
}

extension Duration {
    /// As the library takes them: rounded up, and no less than 0.
    var milliseconds: UInt32 {
        let (seconds, attoseconds) = components
        guard seconds < Int64(UInt32.max) / 1000 else { return .max }
        let fraction = (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000
        return UInt32(clamping: seconds * 1000 + fraction)
    }
}

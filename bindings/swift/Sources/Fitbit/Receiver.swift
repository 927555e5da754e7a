import Foundation

/// A closure of the program's, as the function and the `user_data` that the library takes. Whoever
/// passes them on keeps it alive.
final class Receiver: @unchecked Sendable {
    private let take: @Sendable (String) throws -> Void
    private let lock = NSLock()
    private var lastThrown: (any Error)?

    init(_ take: @escaping @Sendable (String) throws -> Void) {
        self.take = take
    }

    /// What the library calls, with ``pointer``, for tokens and for addresses: 1 is success.
    var function: @convention(c) (UnsafePointer<CChar>, UnsafeMutableRawPointer?) -> Int32 {
        { text, receiver in
            let receiver = Unmanaged<Receiver>.fromOpaque(receiver!).takeUnretainedValue()
            return receiver.call(String(cString: text))
        }
    }

    var pointer: UnsafeMutableRawPointer { Unmanaged.passUnretained(self).toOpaque() }

    /// What the closure threw when it was last called.
    var thrown: (any Error)? { lock.withLock { lastThrown } }

    private func call(_ text: String) -> Int32 {
        let result = Result { try take(text) }
        lock.withLock {
            lastThrown = if case .failure(let error) = result { error } else { nil }
        }
        return thrown == nil ? 1 : 0
    }
}

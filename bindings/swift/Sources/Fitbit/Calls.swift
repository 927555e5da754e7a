import Foundation
import libfitbit

/// What the library does with handles of one kind.
struct Kind: Sendable {
    let dup: @Sendable (OpaquePointer, UnsafeMutablePointer<OpaquePointer?>) -> OpaquePointer?
    let abort: @Sendable (OpaquePointer) -> Void
    let free: @Sendable (OpaquePointer) -> Void

    static let app = Kind(
        dup: { fitbit_app_dup($0, $1) }, abort: { fitbit_app_abort($0) },
        free: { fitbit_app_free($0) })
    static let client = Kind(
        dup: { fitbit_dup($0, $1) }, abort: { fitbit_abort($0) }, free: { fitbit_free($0) })
}

/// One call. It blocks, so it has a thread of its own. The library ends all calls of a handle, and for
/// good, so it has a handle of its own too, which is aborted when the task is cancelled.
final class Call<Value: Sendable>: @unchecked Sendable {
    private let kind: Kind
    private let lock = NSLock()
    private var handle: OpaquePointer?
    /// It keeps the owner of the shared handle alive.
    private var body: ((OpaquePointer) throws -> Value)?

    private init(
        _ kind: Kind, on shared: OpaquePointer, _ body: @escaping (OpaquePointer) throws -> Value
    ) throws {
        (self.kind, self.body) = (kind, body)
        try FitbitError.check(kind.dup(shared, &handle))
    }

    static func run(
        _ kind: Kind, on shared: OpaquePointer,
        _ body: @escaping @Sendable (OpaquePointer) throws -> Value
    ) async throws -> Value {
        try Task.checkCancellation()
        let call = try Call(kind, on: shared, body)
        do {
            return try await withTaskCancellationHandler {
                try await withCheckedThrowingContinuation { continuation in
                    Thread.detachNewThread { continuation.resume(with: call.result()) }
                }
            } onCancel: {
                call.abort()
            }
        } catch let error as FitbitError where error.code == .cancelled && Task.isCancelled {
            throw CancellationError()
        }
    }

    private func result() -> Result<Value, any Error> {
        let own = handle!
        let result = Result { try body!(own) }
        // An abort that has begun has returned when the lock is free.
        lock.withLock { handle = nil }
        kind.free(own)
        // Now, not when the thread ends: the program may be about to drop its client.
        body = nil
        return result
    }

    private func abort() {
        lock.withLock {
            if let handle { kind.abort(handle) }
        }
    }
}

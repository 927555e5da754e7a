import Foundation
import libfitbit

/// The calls of one app that run now. They block, so each has a thread of its own.
///
/// The library cancels all calls of an app at once. So that is done only when every one of them belongs
/// to a cancelled task; and done again until they have ended, because a call that is counted here may
/// not have begun in the library yet.
final class Calls: @unchecked Sendable {
    private class Call: @unchecked Sendable {
        var isCancelled = false
        var hasEnded = false
    }

    /// A call and what it does, which holds the app, and mostly a client.
    private final class CallOf<Value>: Call, @unchecked Sendable {
        var body: (() throws -> Value)?

        init(_ body: @escaping () throws -> Value) {
            self.body = body
        }
    }

    /// Alive as long as any call runs.
    private let app: OpaquePointer
    private let lock = NSLock()
    private let queue = DispatchQueue(label: "fitbit.cancel")
    private var running = 0
    private var cancelled = 0
    private var isRepeating = false

    init(of app: OpaquePointer) {
        self.app = app
    }

    func run<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        try Task.checkCancellation()
        let call = CallOf(body)
        lock.withLock { running += 1 }
        do {
            return try await withTaskCancellationHandler {
                try await withCheckedThrowingContinuation { continuation in
                    Thread.detachNewThread {
                        let result = Result { try call.body!() }
                        self.end(call)
                        // Now, not when the thread ends: the program may be about to drop its client.
                        call.body = nil
                        continuation.resume(with: result)
                    }
                }
            } onCancel: {
                cancel(call)
            }
        } catch let error as FitbitError where error.code == .cancelled && Task.isCancelled {
            throw CancellationError()
        }
    }

    private func cancel(_ call: Call) {
        lock.withLock {
            guard !call.hasEnded else { return }
            call.isCancelled = true
            cancelled += 1
            cancelInLibrary()
        }
    }

    private func end(_ call: Call) {
        lock.withLock {
            call.hasEnded = true
            running -= 1
            cancelled -= call.isCancelled ? 1 : 0
            cancelInLibrary()
        }
    }

    /// With the lock held: no call can begin meanwhile.
    private func cancelInLibrary() {
        guard running > 0 && cancelled == running else { return }
        fitbit_app_cancel(app)
        guard !isRepeating else { return }
        isRepeating = true
        queue.asyncAfter(deadline: .now() + .milliseconds(20)) {
            self.lock.withLock {
                self.isRepeating = false
                self.cancelInLibrary()
            }
        }
    }
}

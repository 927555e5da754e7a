import libfitbit
import Foundation
import Testing

@testable import Fitbit

private let profile = "/1/user/-/profile.json"

/// Keeps what it is given, as a program's store does; or fails to.
private final class Store: @unchecked Sendable {
    struct IsFull: Error {}

    private let lock = NSLock()
    private var saved: [String] = []
    private var full = false

    var tokens: [String] { lock.withLock { saved } }

    var isFull: Bool {
        get { lock.withLock { full } }
        set { lock.withLock { full = newValue } }
    }

    @Sendable func save(_ token: String) throws {
        try lock.withLock {
            if full { throw IsFull() }
            saved.append(token)
        }
    }
}

private func loggedIn(to app: App, _ store: Store) async throws -> Client {
    let (uri, session) = try app.stepOne()
    let back = try await Simulator.visit(uri)
    return try await app.stepTwo(session: session, redirectURI: back, saveToken: store.save)
}

private func failure<Value>(of call: () async throws -> Value) async -> FitbitError? {
    do {
        _ = try await call()
        return nil
    } catch {
        return error as? FitbitError
    }
}

// One after the other: the simulator's switches are for everybody.
@Suite(.serialized, .timeLimit(.minutes(5)))
struct FitbitTests {
    @Test func theFirstTokenOfALoginInStepsIsSaved() async throws {
        let store = Store()
        let client = try await loggedIn(to: Simulator.fitbitApp(), store)
        #expect(try store.tokens == [client.token()])
        let response = try await client.get(profile)
        #expect(response.status == 200)
        #expect(response.header("content-type")?.hasPrefix("application/json") == true)
        #expect(response.header("x-not-there") == nil)
        let json = try JSONSerialization.jsonObject(with: response.body) as? [String: Any]
        #expect(json?["user"] != nil)
        let userID = try await client.userID()
        #expect(try client.tokenField("user_id") == userID)
        #expect(try client.tokenField("no_such_field") == nil)
    }

    @Test func oneCallLogsAPersonInThroughTheirBrowser() async throws {
        let store = Store()
        let client = try await Simulator.googleApp().login(
            open: { uri in
                Task {
                    let (status, _) = try await Simulator.open(Simulator.visit(uri))
                    #expect(status == 200)
                }
            }, saveToken: store.save)
        #expect(store.tokens.count == 1)
        #expect(try await client.get("/v4/users/me/identity").status == 200)
    }

    @Test func aBrowserThatCannotBeOpenedIsTheCauseOfTheError() async throws {
        struct NoBrowser: Error {}
        let error = await failure {
            try await Simulator.googleApp().login(open: { _ in throw NoBrowser() })
        }
        #expect(error?.code == .authorization)
        #expect(error?.cause is NoBrowser)
    }

    @Test func aPersonWhoSaysNoIsAnErrorOfItsOwn() async throws {
        let app = try Simulator.fitbitApp()
        let (uri, session) = try app.stepOne(params: "scope=profile")
        let back = try await Simulator.visit(uri, decision: "deny")
        let error = await failure {
            try await app.stepTwo(session: session, redirectURI: back)
        }
        #expect(error?.code == .accessDenied)
    }

    @Test func anExpiredTokenIsRenewedAndTheNewOneSaved() async throws {
        let store = Store()
        let client = try await loggedIn(to: Simulator.fitbitApp(), store)
        try await Simulator.turn("expire")
        #expect(try await client.get(profile).status == 200)
        #expect(store.tokens.count == 2)
        #expect(Set(store.tokens).count == 2)
        try await client.refresh()
        #expect(try store.tokens.last == client.token())
    }

    @Test func aSavedTokenNeedsNoLogin() async throws {
        let app = try Simulator.fitbitApp()
        let store = Store()
        _ = try await loggedIn(to: app, store)
        let client = try app.client(token: store.tokens[0], saveToken: store.save)
        #expect(try await client.get(profile).status == 200)
        #expect(store.tokens.count == 1)
    }

    @Test func aTokenFileTakesEveryTokenAndNeedsNoLogin() async throws {
        let app = try Simulator.fitbitApp()
        let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appending(path: "token.json").path
        let error = await failure { try await app.client(file: file) }
        #expect(error?.code == .reauthorize)
        try await loggedIn(to: app, Store()).setTokenFile(file)
        try await app.client(file: file).refresh()
        #expect(try await app.client(file: file).get(profile).status == 200)
    }

    @Test func aTokenThatWasNotSavedIsKeptAndOfferedAgain() async throws {
        let store = Store()
        let client = try await loggedIn(to: Simulator.fitbitApp(), store)
        store.isFull = true
        let error = await failure { try await client.refresh() }
        #expect(error?.code == .store)
        #expect(error?.cause is Store.IsFull)
        store.isFull = false
        try await client.save()
        #expect(store.tokens.count == 2)
        #expect(try store.tokens.last == client.token())
    }

    @Test func aTokenIsOfferedOnceMoreWhenItsClientGoes() async throws {
        let store = Store()
        var client: Client? = try await loggedIn(to: Simulator.fitbitApp(), store)
        store.isFull = true
        try? await client?.refresh()
        let unsaved = try client?.token()
        store.isFull = false
        client = nil
        #expect(store.tokens.last == unsaved)
    }

    @Test func anErrorSaysWhatToDoNext() async throws {
        let client = try await loggedIn(to: Simulator.fitbitApp(), Store())
        try await Simulator.turn("fault", #"{"on":"api","kind":"status_429_reset","seconds":30}"#)
        let limited = await failure { try await client.get(profile) }
        #expect(limited?.code == .rateLimited)
        #expect(limited?.httpStatus == 429)
        #expect(limited?.retryAfter == .seconds(31))
        let missing = await failure { try await client.get("/none.json") }
        #expect(missing?.code == .http)
        #expect(missing?.httpStatus == 404)
        #expect(missing?.retryAfter == nil)
        try await client.revoke()
        let over = await failure { try await client.get(profile) }
        #expect(over?.code == .reauthorize)
        let refused = await failure { try App(.fitbit, clientID: "") }
        #expect(refused?.code == .invalidArgument)
        #expect(refused?.message.contains("client_id") == true)
    }

    @Test func otherMethodsAndPagesAreThereToo() async throws {
        let client = try await loggedIn(to: Simulator.fitbitApp(), Store())
        let food = "foodName=Apple&calories=80&mealTypeId=7&unitId=304&amount=1&date=today"
        #expect(try await client.post("/1/user/-/foods/log.json", form: food).status == 201)
        let meal = try await client.request(
            "POST", "/1/user/-/meals.json", contentType: "application/json",
            body: Data(#"{"name":"Lunch","mealFoods":[]}"#.utf8))
        #expect(meal.status == 201)
        let first = try await client.get(
            "/1.2/user/-/sleep/list.json?afterDate=2026-01-01&sort=asc&offset=0&limit=20")
        let second = try #require(try await client.page(after: first))
        #expect(second.body != first.body)
    }

    @Test func aCancelledTasksRequestEnds() async throws {
        let client = try await loggedIn(to: Simulator.fitbitApp(), Store())
        try await Simulator.turn("fault", #"{"on":"api","kind":"stall"}"#)
        let task = Task { try await client.get(profile) }
        try await Task.sleep(for: .milliseconds(200))
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(try await client.get(profile).status == 200)
    }

    // At whatever moment: before the library's call has begun, too.
    @Test(arguments: [0, 1, 2, 5, 10, 50, 200, 1000, 5000, 100_000])
    func aLoginThatNobodyAnswersEndsWithItsTask(microseconds: Int) async throws {
        let app = try Simulator.googleApp()
        let task = Task { try await app.login(open: { _ in }) }
        try await Task.sleep(for: .microseconds(microseconds))
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
    }

    @Test func cancelledTasksEndWhileTheCallOfAnotherGoesOn() async throws {
        let client = try await loggedIn(to: Simulator.fitbitApp(), Store())
        let devices = "/1/user/-/devices.json"
        try await Simulator.turn(
            "fault", #"{"on":"api","path":"\#(devices)","kind":"stall","times":0}"#)
        try await Simulator.turn(
            "fault", #"{"on":"api","path":"\#(profile)","kind":"latency","ms":3000}"#)
        let other = Task {
            let status = try await client.get(profile).status
            return (status, ContinuousClock.now)
        }
        let cancelled = (0..<20).map { _ in Task { try await client.get(devices) } }
        try await Task.sleep(for: .milliseconds(300))
        for task in cancelled { task.cancel() }
        for task in cancelled {
            await #expect(throws: CancellationError.self) { try await task.value }
        }
        let ended = ContinuousClock.now
        let (status, otherEnded) = try await other.value
        #expect(status == 200)
        #expect(ended < otherEnded)
        try await Simulator.turn("reset")
    }

    @Test func aSingleUseRenewalThatWasSentIsSavedThoughItsTaskIsCancelled() async throws {
        let store = Store()
        let client = try await loggedIn(to: Simulator.fitbitApp(), store)
        try await Simulator.turn("fault", #"{"on":"refresh","kind":"latency","ms":700}"#)
        let task = Task { try await client.refresh() }
        try await Task.sleep(for: .milliseconds(300))
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(store.tokens.count == 2)
        #expect(try store.tokens.last == client.token())
        #expect(try await client.get(profile).status == 200)
    }

    @Test func aRenewalAtGoogleEndsWithItsTaskAndTheNextCallReadsIt() async throws {
        let store = Store()
        let client = try await loggedIn(to: Simulator.googleApp(), store)
        try await Simulator.turn("fault", #"{"on":"refresh","kind":"latency","ms":3000}"#)
        let task = Task { try await client.refresh() }
        try await Task.sleep(for: .milliseconds(500))
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(store.tokens.count == 1)
        try await client.refresh()
        #expect(store.tokens.count == 2)
        #expect(try store.tokens.last == client.token())
        try await Simulator.turn("reset")
    }

    @Test func shutdownEndsEveryCallForGood() async throws {
        let app = try Simulator.fitbitApp()
        let store = Store()
        let client = try await loggedIn(to: app, store)
        store.isFull = true
        try? await client.refresh()
        try await Simulator.turn("fault", #"{"on":"api","kind":"stall"}"#)
        let task = Task { try await client.get(profile) }
        try await Task.sleep(for: .milliseconds(200))
        app.shutdown()
        let running = await failure { try await task.value }
        #expect(running?.code == .cancelled)
        let later = await failure { try await client.get(profile) }
        #expect(later?.code == .cancelled)
        let dup = await failure { try await client.dup().get(profile) }
        #expect(dup?.code == .cancelled)
        store.isFull = false
        try await client.save()
        #expect(try store.tokens.last == client.token())
        try await Simulator.turn("reset")
    }

    @Test func aDupSharesTheLoginAndHasSettingsOfItsOwn() async throws {
        let store = Store()
        var client: Client? = try await loggedIn(to: Simulator.fitbitApp(), store)
        try client!.setTimeout(.milliseconds(1))
        let dup = try client!.dup()
        try client!.setTimeout(nil)
        try await Simulator.turn("fault", #"{"on":"api","kind":"latency","ms":300,"times":2}"#)
        let late = await failure { try await dup.get(profile) }
        #expect(late?.code == .timeout)
        #expect(try await client!.get(profile).status == 200)

        try await Simulator.turn("reset")
        try dup.setTimeout(.seconds(60))
        try dup.setRateLimitWait(.seconds(60))
        try await Simulator.turn(
            "fault", #"{"on":"api","kind":"status_429_retry_after","seconds":1,"times":2}"#)
        let limited = await failure { try await client!.get(profile) }
        #expect(limited?.code == .rateLimited)
        #expect(try await dup.get(profile).status == 200)

        try dup.setHeader("Accept-Language", "de_DE")
        try await dup.refresh()
        #expect(try client!.token() == dup.token())
        client = nil
        try await dup.refresh()
        #expect(store.tokens.count == 3)
    }

    @Test func aCancellationThatComesTooLateEndsNoLaterCall() async throws {
        let client = try await loggedIn(to: Simulator.fitbitApp(), Store())
        for _ in 0..<200 {
            let task = Task { try await client.get(profile) }
            try await Task.sleep(for: .microseconds(Int.random(in: 0..<2000)))
            task.cancel()
            _ = await task.result
        }
        try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<10 { group.addTask { try await client.get(profile).status } }
            for try await status in group { #expect(status == 200) }
        }
    }

    @Test func aHundredTasksShareOneLogin() async throws {
        let store = Store()
        let client = try await loggedIn(to: Simulator.fitbitApp(), store)
        try await Simulator.turn("expire")
        try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<100 { group.addTask { try await client.get(profile).status } }
            for try await status in group { #expect(status == 200) }
        }
        #expect(store.tokens.count == 2)
    }
}

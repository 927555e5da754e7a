// The provider's stand-in, `cargo run --example simulator`, at the address in FITBIT_SIMULATOR; its
// switches; and the person in front of the browser, played over HTTP.

import Fitbit
import Foundation

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

struct Unexpected: Error {
    let what: String
}

enum Simulator {
    /// Stands in the tests' way where it is not set.
    static var uri: String {
        get throws {
            guard let uri = ProcessInfo.processInfo.environment["FITBIT_SIMULATOR"] else {
                throw Unexpected(what: "FITBIT_SIMULATOR is not set: it is where the simulator listens")
            }
            return uri
        }
    }

    /// The simulator's demo application for Fitbit.
    static func fitbitApp() throws -> App {
        let app = try App(
            .fitbit, clientID: "22SRVR", clientSecret: "5e2f7e7a90c14d1b8a6d3b0f4c9e1a27",
            callbackURI: "http://127.0.0.1:8080/callback")
        try app.setEndpoint(.authorize, "\(uri)/oauth2/authorize")
        try app.setEndpoint(.token, "\(uri)/oauth2/token")
        try app.setEndpoint(.revoke, "\(uri)/oauth2/revoke")
        try app.setEndpoint(.api, uri)
        return app
    }

    /// The one for Google Health, of the type that may listen on any port.
    static func googleApp() throws -> App {
        let app = try App(
            .googleHealth, clientID: "620184410597-demo.apps.googleusercontent.com",
            clientSecret: "GOCSPX-d3mo_9aB2cD4eF6gH8iJ0kL2",
            callbackURI: "http://127.0.0.1:0/callback")
        try app.setEndpoint(.authorize, "\(uri)/o/oauth2/v2/auth")
        try app.setEndpoint(.token, "\(uri)/token")
        try app.setEndpoint(.revoke, "\(uri)/revoke")
        try app.setEndpoint(.api, uri)
        return app
    }

    /// Turns one of the switches; `GET /_simulator/` lists them.
    static func turn(_ name: String, _ settings: String = "{}") async throws {
        var request = URLRequest(url: try url(uri + "/_simulator/" + name))
        request.httpMethod = "POST"
        request.httpBody = Data(settings.utf8)
        let (_, answer) = try await browser().data(for: request)
        guard status(answer) == 200 else { throw Unexpected(what: "\(name): \(status(answer))") }
    }

    /// Opens the address as a browser does, decides, and answers with the address that the browser is
    /// sent to, which it does not open.
    static func visit(_ authorizationURI: String, decision: String = "grant") async throws -> String {
        let (page, _) = try await browser().data(from: url(authorizationURI))
        let html = String(decoding: page, as: UTF8.self)
        guard let action = attribute("action", of: "<form", in: html) else {
            throw Unexpected(what: html)
        }
        var form = URLComponents()
        form.queryItems = [URLQueryItem(name: "decision", value: decision)]
        for input in html.components(separatedBy: "<input").dropFirst() {
            let tag = String(input.prefix { $0 != ">" })
            if let name = attribute("name", of: "", in: tag),
                let value = attribute("value", of: "", in: tag)
            {
                form.queryItems?.append(URLQueryItem(name: name, value: value))
            }
        }
        var request = URLRequest(url: try url(uri + action))
        request.httpMethod = "POST"
        request.setValue("application/x-www-form-urlencoded", forHTTPHeaderField: "Content-Type")
        let encoded = form.percentEncodedQuery?.replacingOccurrences(of: "+", with: "%2B") ?? ""
        request.httpBody = Data(encoded.utf8)
        let (_, answer) = try await browser().data(for: request)
        guard let back = (answer as? HTTPURLResponse)?.value(forHTTPHeaderField: "Location") else {
            throw Unexpected(what: "the consent page answered \(status(answer))")
        }
        return back
    }

    /// Opens an address and answers with the status and the page.
    static func open(_ address: String) async throws -> (Int, String) {
        let (page, answer) = try await browser().data(from: url(address))
        return (status(answer), String(decoding: page, as: UTF8.self))
    }

    private static func url(_ text: String) throws -> URL {
        guard let url = URL(string: text) else { throw Unexpected(what: "not an address: \(text)") }
        return url
    }

    private static func status(_ answer: URLResponse) -> Int {
        (answer as? HTTPURLResponse)?.statusCode ?? 0
    }

    private static func browser() -> URLSession {
        URLSession(configuration: .ephemeral, delegate: StaysWhereItIs(), delegateQueue: nil)
    }

    private static func attribute(_ name: String, of tag: String, in html: String) -> String? {
        let rest: Substring
        if tag.isEmpty {
            rest = html[...]
        } else if let start = html.range(of: tag) {
            rest = html[start.upperBound...].prefix { $0 != ">" }
        } else {
            return nil
        }
        guard let start = rest.range(of: " \(name)=\"") else { return nil }
        return rest[start.upperBound...].prefix { $0 != "\"" }
            .replacingOccurrences(of: "&quot;", with: "\"")
            .replacingOccurrences(of: "&lt;", with: "<")
            .replacingOccurrences(of: "&amp;", with: "&")
    }
}

/// Follows no redirect.
private final class StaysWhereItIs: NSObject, URLSessionTaskDelegate {
    func urlSession(
        _ session: URLSession, task: URLSessionTask,
        willPerformHTTPRedirection response: HTTPURLResponse, newRequest request: URLRequest,
        completionHandler: @escaping (URLRequest?) -> Void
    ) {
        completionHandler(nil)
    }
}

// What Swift makes of fitbit.h: what can be NULL is optional, and nothing else is.

import Fitbit
import Testing
import libfitbit

private typealias Handle = OpaquePointer
private typealias Text = UnsafePointer<CChar>
private typealias OutText = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
private typealias Out = UnsafeMutablePointer<OpaquePointer?>
private typealias Data = UnsafeMutableRawPointer
private typealias TextCallback = @convention(c) (Text, Data?) -> Int32

/// The type without what only the importer says of it.
private func name(_ type: Any.Type) -> String {
    "\(type)".replacing("@Sendable ", with: "")
}

@Suite struct HeaderTests {
    @Test func argumentsAreOptionalWhereNullIsAllowed() {
        #expect(
            name(type(of: fitbit_app_new))
                == name(((FitbitProvider, Text, Text?, Text?, Out) -> Handle?).self))
        #expect(name(type(of: fitbit_get)) == name(((Handle, Text, Out) -> Handle?).self))
        #expect(name(type(of: fitbit_token)) == name(((Handle, OutText) -> Handle?).self))
        #expect(
            name(type(of: fitbit_request))
                == name(((Handle, Text, Text, Text?, UnsafeRawPointer?, Int, Out) -> Handle?).self))
        #expect(name(type(of: fitbit_free)) == name(((Handle?) -> Void).self))
    }

    @Test func resultsAreOptionalWhereNullIsPossible() {
        #expect(name(type(of: fitbit_version)) == name((() -> Text).self))
        #expect(name(type(of: fitbit_error_message)) == name(((Handle?) -> Text).self))
        #expect(name(type(of: fitbit_error_body)) == name(((Handle?) -> Text?).self))
        #expect(name(type(of: fitbit_response_body)) == name(((Handle) -> Text).self))
        #expect(name(type(of: fitbit_response_header)) == name(((Handle, Text) -> Text?).self))
    }

    @Test func whatCallbacksAreGivenIsThere() {
        #expect(FitbitTokenCallback.self == TextCallback.self)
        #expect(FitbitOpenCallback.self == TextCallback.self)
        #expect(
            FitbitRenewalGuard.self == (@convention(c) (Handle, Data?) -> Int32).self)
        #expect(
            FitbitLogCallback.self == (@convention(c) (FitbitLogLevel, Text, Data?) -> Void).self)
        #expect(
            name(type(of: fitbit_from_token))
                == name(((Handle, Text, TextCallback?, Data?, Out) -> Handle?).self))
    }

    @Test func everyCodeOfTheLibraryHasACaseAndEveryCaseACode() {
        for number in UInt32(1)..<32 {
            let name = String(cString: fitbit_error_code_name(FitbitErrorCode(rawValue: number)))
            let words = name.dropFirst("FITBIT_ERROR_".count).split(separator: "_")
            let camel = words.enumerated().map { $0 == 0 ? $1.lowercased() : $1.capitalized }
            let own = FitbitError.Code(rawValue: number).map { "\($0)" }
            #expect(own == (name == "FITBIT_ERROR_UNKNOWN" ? nil : camel.joined()))
        }
        #expect(FITBIT_ERROR_TIMEOUT.rawValue == FitbitError.Code.timeout.rawValue)
    }
}

/*
 * libfitbit for C++17 and later: fitbit.h, with handles that free themselves.
 * SPDX-License-Identifier: MIT OR Apache-2.0
 *
 *     fitbit::App app(FITBIT_PROVIDER_FITBIT, id, secret, "http://127.0.0.1:8080/callback");
 *     fitbit::Client client = app.login(5min, [](std::string_view token) { return save(token); });
 *     fitbit::Response profile = client.get("/1/user/-/profile.json");
 *     std::cout << profile.body();
 *
 * Each function is one of fitbit.h, which is the manual; here stands only what differs. Link with
 * libfitbit.
 *
 * - Errors. A function that fails throws fitbit::Error. Without exceptions (-fno-exceptions, or
 *   FITBIT_NO_EXCEPTIONS defined ahead of this header) it returns a fitbit::Result, which holds
 *   either the value or the Error. Outcome<T> below is the one or the other: T, or Result<T>.
 *   Constants, the codes among them, are those of fitbit.h.
 * - Handles. An App is shared by its copies; a Client and a Response are moved. An empty one
 *   (default-made, or moved from) holds nothing: what can fail is FITBIT_ERROR_INVALID_ARGUMENT,
 *   anything else does nothing. handle() lends what functions of fitbit.h take.
 * - Ending calls. abort() ends the calls of one handle, and dup() makes another handle, so that a
 *   call has a handle of its own to end. An App and its copies are one handle. The abort functions,
 *   shutdown() and cancel() may be called in a signal handler. A renewal with a single-use refresh token
 *   that was sent is finished first, so that the login is not lost; a renewal at Google ends at once and
 *   loses nothing.
 * - Text goes in as std::string_view; a NUL inside is refused like text that is not UTF-8.
 *   std::nullopt stands where fitbit.h says NULL. Text comes out as std::string, or borrowed from a
 *   Response or an Error, as std::string_view.
 * - Callbacks are std::functions; an empty one is none. They live as long as the client and its
 *   dups, and the logger and the guard as long as the app, its dups and all its clients. What they
 *   refer to must live on.
 * - Exceptions in callbacks. A callback that throws has not saved (not committed, not opened). The
 *   library ends its work in good order; then the call inside which the callback ran, and so that
 *   thread, throws the callback's exception: the first one, and in place of an Error. To other
 *   threads, which waited for that renewal, it is as if the callback had answered false. The token
 *   is not lost: its client keeps it, uses it, and offers it again. A request may have been carried
 *   out, though its answer is gone. A destructor throws nothing: what the last offer throws is
 *   dropped. Call save() before, to hear of it. The destructor of a login's last Client can wait two
 *   seconds for a single-use token that is on its way, and offers it: see fitbit_free().
 * - Threads are as in fitbit.h. Moving, assigning and destroying need a handle for themselves.
 */

#ifndef FITBIT_HPP
#define FITBIT_HPP

#include "fitbit.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

/* Exceptions, and what is known of the calls that run, are one thing in the whole program, also
 * where its parts hide their symbols. */
#if defined(__GNUC__) || defined(__clang__)
#define FITBIT_VISIBLE __attribute__((visibility("default")))
#else
#define FITBIT_VISIBLE
#endif

namespace fitbit FITBIT_VISIBLE {

/* Parts of one program that are compiled with and without exceptions have different types. */
#if !defined(__cpp_exceptions)
inline namespace no_exceptions {
#elif defined(FITBIT_NO_EXCEPTIONS)
inline namespace results {
#else
inline namespace exceptions {
#endif

#if !defined(__cpp_exceptions) && !defined(FITBIT_NO_EXCEPTIONS)
#define FITBIT_NO_EXCEPTIONS
#endif

/* ======== Errors */

/// What went wrong. Copies share it; none throws.
class Error : public std::exception {
public:
    /// Takes over an error of fitbit.h, which frees itself from now on.
    explicit Error(FitbitError *owned) : error(owned, fitbit_error_free) {}

    /// What to do about it.
    FitbitErrorCode code() const noexcept { return fitbit_error_code(error.get()); }
    /// The code's name, such as "FITBIT_ERROR_TIMEOUT".
    const char *code_name() const noexcept { return fitbit_error_code_name(code()); }
    /// What happened, in words for people.
    const char *what() const noexcept override { return fitbit_error_message(error.get()); }
    /// The status of the HTTP answer that was the error, or 0: there was no such answer.
    std::uint16_t http_status() const noexcept { return fitbit_error_http_status(error.get()); }
    /// The provider's own word for it, such as "validation".
    std::optional<std::string_view> provider_type() const noexcept
    {
        return text(fitbit_error_provider_type(error.get()));
    }
    /// The provider's answer, with secrets replaced.
    std::optional<std::string_view> body() const noexcept
    {
        return text(fitbit_error_body(error.get()));
    }
    /// How long to wait before trying again, where that is known.
    std::optional<std::chrono::seconds> retry_after() const noexcept
    {
        std::int64_t seconds = fitbit_error_retry_after(error.get());
        return seconds < 0 ? std::nullopt : std::optional(std::chrono::seconds(seconds));
    }

private:
    static std::optional<std::string_view> text(const char *borrowed) noexcept
    {
        return borrowed == nullptr ? std::nullopt : std::optional<std::string_view>(borrowed);
    }

    std::shared_ptr<FitbitError> error;
};

#if defined(FITBIT_NO_EXCEPTIONS)
/// A value, or the Error that came in its place. Who asks for the one that is not there ends the
/// program (or throws std::bad_variant_access, where there are exceptions).
template <class T>
class [[nodiscard]] Result {
public:
    using Value = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

    Result(Value value = Value()) : either(std::in_place_index<0>, std::move(value)) {}
    Result(Error error) : either(std::in_place_index<1>, std::move(error)) {}

    explicit operator bool() const noexcept { return either.index() == 0; }
    Value &operator*() & { return std::get<0>(either); }
    const Value &operator*() const & { return std::get<0>(either); }
    Value &&operator*() && { return std::get<0>(std::move(either)); }
    Value *operator->() { return &std::get<0>(either); }
    const Value *operator->() const { return &std::get<0>(either); }
    const Error &error() const { return std::get<1>(either); }

private:
    std::variant<Value, Error> either;
};

template <class T>
using Outcome = Result<T>;
#else
template <class T>
using Outcome = T;
#endif

/* ======== Callbacks
 *
 * Each runs under the rules of its namesake in fitbit.h.
 */

class Renewal;

/// Takes every new token; true: it is safely saved. The text ends when the callback returns.
using TokenCallback = std::function<bool(std::string_view token_json)>;
/// Opens an address in a browser; true: it is open.
using OpenCallback = std::function<bool(std::string_view authorization_uri)>;
/// Takes one line about one event, from several threads at once.
using LogCallback = std::function<void(FitbitLogLevel level, std::string_view message)>;
/// Carries out a renewal inside a transaction of the program's own database; true: committed.
/// `person` is what the client was made with: the key of the row to be locked.
using RenewalGuard = std::function<bool(Renewal &renewal, const std::string &person)>;

/* ======== How a function of fitbit.h is called: nothing here is for programs. */

namespace detail {

struct Free {
    void operator()(char *string) const noexcept { fitbit_string_free(string); }
    void operator()(FitbitError *error) const noexcept { fitbit_error_free(error); }
    void operator()(FitbitResponse *response) const noexcept { fitbit_response_free(response); }
};

template <class T>
using Owned = std::unique_ptr<T, Free>;

/// Where a function of fitbit.h leaves what it gives out.
template <class T>
class Out {
public:
    explicit Out(Owned<T> &owner) noexcept : to(owner) {}
    ~Out() { to.reset(raw); }
    Out(const Out &) = delete;
    Out &operator=(const Out &) = delete;
    operator T **() noexcept { return &raw; }

private:
    Owned<T> &to;
    T *raw = nullptr;
};

/// A text as C has it. A NUL inside becomes a byte that UTF-8 does not have, so that the library
/// refuses it, and names the argument.
class Text {
public:
    explicit Text(std::optional<std::string_view> from) : text(from)
    {
        if (text)
            std::replace(text->begin(), text->end(), '\0', '\xff');
    }
    operator const char *() const noexcept { return text ? text->c_str() : nullptr; }

private:
    std::optional<std::string> text;
};

/* An argument as C has it. Of a duration, less than none is none, and there is a longest one. */
template <class T>
T as_c(T same) noexcept { return same; }
template <class T>
Out<T> as_c(Owned<T> &to) noexcept { return Out<T>(to); }
inline Text as_c(std::string_view text) { return Text(text); }
inline Text as_c(std::optional<std::string_view> text) { return Text(text); }
template <class Rep, class Period>
std::uint32_t as_c(std::chrono::duration<Rep, Period> time) noexcept
{
    return static_cast<std::uint32_t>(std::clamp<std::int64_t>(time.count(), 0, UINT32_MAX));
}

/// A call of the library, which callbacks run inside. The innermost one of a thread keeps what a
/// callback threw until the library has returned: no exception passes through its frames.
class [[maybe_unused]] Call {
#if defined(__cpp_exceptions)
public:
    Call() noexcept : outer(innermost) { innermost = this; }
    ~Call() { innermost = outer; }
    Call(const Call &) = delete;
    Call &operator=(const Call &) = delete;

    void rethrow()
    {
        if (thrown)
            std::rethrow_exception(std::move(thrown));
    }
    template <class Callback>
    static int back(Callback callback) noexcept
    {
        try {
            return callback() ? 1 : 0;
        } catch (...) {
            // There is no call where a program uses fitbit.h itself, with a handle().
            if (innermost != nullptr && !innermost->thrown)
                innermost->thrown = std::current_exception();
            return 0;
        }
    }

private:
    inline static thread_local Call *innermost = nullptr;
    Call *outer;
    std::exception_ptr thrown;
#else
public:
    void rethrow() noexcept {}
    template <class Callback>
    static int back(Callback callback) noexcept { return callback() ? 1 : 0; }
#endif
};

/// Calls a function of fitbit.h; `value` makes the result, where it succeeds.
template <class T, class Value, class Function, class... Arguments>
Outcome<T> make(Value value, Function function, Arguments &&...arguments)
{
    Call running;
    Owned<FitbitError> error(function(as_c(arguments)...));
    running.rethrow();
    if (error)
#if defined(FITBIT_NO_EXCEPTIONS)
        return Error(error.release());
#else
        throw Error(error.release());
#endif
    return value();
}

template <class Function, class... Arguments>
Outcome<void> run(Function function, Arguments &&...arguments)
{
    return make<void>([] { return Outcome<void>(); }, function, arguments...);
}

template <class Function, class... Arguments>
Outcome<std::string> text(Function function, Arguments &&...arguments)
{
    Owned<char> text;
    return make<std::string>([&] { return std::string(text.get()); }, function, arguments..., text);
}

/// What the library calls back for an application, as long as one of its handles or logins lives.
struct AppCallbacks {
    LogCallback log;
    RenewalGuard guard;
};

/// One handle on an application.
struct App {
    std::shared_ptr<AppCallbacks> callbacks;
    FitbitApp *handle = nullptr;

    explicit App(std::shared_ptr<AppCallbacks> shared) : callbacks(std::move(shared)) {}
    App(const App &) = delete;
    App &operator=(const App &) = delete;
    ~App()
    {
        Call last;
        fitbit_app_free(handle);
    }
};

/// What a login's callbacks are given as user_data; all handles on the login share it.
struct Login {
    std::shared_ptr<AppCallbacks> app;
    TokenCallback on_token;
    std::string person;
};

/// One handle on a login.
struct Client {
    std::shared_ptr<Login> login;
    FitbitClient *handle = nullptr;

    explicit Client(std::shared_ptr<Login> shared) : login(std::move(shared)) {}
    Client(const Client &) = delete;
    Client &operator=(const Client &) = delete;
    ~Client()
    {
        Call last;
        fitbit_free(handle);
    }
};

} // namespace detail

/* ======== Answers */

/// What a request brought.
class Response {
public:
    Response() = default;
    /// Takes over an answer of fitbit.h, which frees itself from now on.
    explicit Response(FitbitResponse *owned) noexcept : response(owned) {}

    /// 200 to 299.
    std::uint16_t status() const noexcept { return fitbit_response_status(handle()); }
    /// The bytes as they came, NULs among them too. A response that passes gives a copy of them:
    /// std::string profile = client.get(path).body();
    std::string_view body() const & noexcept
    {
        return {fitbit_response_body(handle()), fitbit_response_body_len(handle())};
    }
    std::string body() && { return std::string(std::as_const(*this).body()); }
    /// A header's value; its name in upper or lower case.
    std::optional<std::string_view> header(std::string_view name) const &
    {
        const char *value = fitbit_response_header(handle(), detail::Text(name));
        return value == nullptr ? std::nullopt : std::optional<std::string_view>(value);
    }
    std::optional<std::string> header(std::string_view name) &&
    {
        return std::optional<std::string>(std::as_const(*this).header(name));
    }
    const FitbitResponse *handle() const noexcept { return response.get(); }

private:
    detail::Owned<FitbitResponse> response;
};

/* ======== One person's login */

/// Makes requests as that person, and renews its token by itself. An App makes it.
class Client {
public:
    Client() = default;

    Outcome<Response> get(std::string_view path) { return answer(fitbit_get, path); }
    Outcome<Response> post(std::string_view path, std::optional<std::string_view> form = {})
    {
        return answer(fitbit_post, path, form);
    }
    /// A DELETE request.
    Outcome<Response> del(std::string_view path) { return answer(fitbit_delete, path); }
    /// A request of any method; the body is sent as it is, NULs among it too.
    Outcome<Response> request(std::string_view method, std::string_view path,
                              std::optional<std::string_view> content_type = {},
                              std::string_view body = {})
    {
        return answer(fitbit_request, method, path, content_type, body.data(), body.size());
    }
    /// The page that follows; none: that was the last.
    ///
    ///     for (std::optional page(client.get(path)); page; page = client.next_page(*page))
    Outcome<std::optional<Response>> next_page(const Response &page)
    {
        detail::Owned<FitbitResponse> next;
        return detail::make<std::optional<Response>>(
            [&] { return next ? std::optional(Response(next.release())) : std::nullopt; },
            fitbit_next_page, handle(), page.handle(), next);
    }
    Outcome<void> set_header(std::string_view name, std::optional<std::string_view> value)
    {
        return detail::run(fitbit_set_header, handle(), name, value);
    }

    Outcome<std::string> token() const { return detail::text(fitbit_token, handle()); }
    Outcome<std::optional<std::string>> token_field(std::string_view name) const
    {
        detail::Owned<char> value;
        return detail::make<std::optional<std::string>>(
            [&] { return value ? std::optional<std::string>(value.get()) : std::nullopt; },
            fitbit_token_field, handle(), name, value);
    }
    Outcome<std::string> user_id() { return detail::text(fitbit_user_id, handle()); }
    Outcome<void> refresh() { return detail::run(fitbit_refresh, handle()); }
    Outcome<void> save() { return detail::run(fitbit_save, handle()); }
    Outcome<void> set_token_file(std::string_view path)
    {
        return detail::run(fitbit_set_token_file, handle(), path);
    }
    Outcome<void> revoke() { return detail::run(fitbit_revoke, handle()); }
    /// None: no answer has said anything yet.
    std::optional<FitbitRateLimit> rate_limit() const noexcept
    {
        FitbitRateLimit limit;
        return fitbit_rate_limit(handle(), &limit) ? std::optional(limit) : std::nullopt;
    }

    /// Another handle on the same login: abort() ends the calls of one of them only.
    Outcome<Client> dup() const
    {
        Client other;
        other.state = std::make_unique<detail::Client>(state ? state->login : nullptr);
        return detail::make<Client>([&] { return std::move(other); }, fitbit_dup, handle(),
                                    &other.state->handle);
    }
    /// Ends this handle's calls, now and later. Any thread may call it, a signal handler too.
    void abort() noexcept { fitbit_abort(handle()); }
    /// Of this handle's calls. Zero: the app's timeout. A time below zero counts as 1 ms.
    Outcome<void> set_timeout(std::chrono::milliseconds timeout)
    {
        std::chrono::milliseconds shortest(timeout.count() < 0 ? 1 : 0);
        return detail::run(fitbit_set_timeout_ms, handle(), std::max(timeout, shortest));
    }
    /// Of this handle's calls. Zero: a rate limit is reported at once.
    Outcome<void> set_rate_limit_wait(std::chrono::seconds longest)
    {
        return detail::run(fitbit_set_rate_limit_wait, handle(), longest);
    }
    FitbitClient *handle() const noexcept { return state ? state->handle : nullptr; }

private:
    friend class App;

    template <class Function, class... Arguments>
    Outcome<Response> answer(Function function, Arguments... arguments)
    {
        detail::Owned<FitbitResponse> response;
        return detail::make<Response>([&] { return Response(response.release()); }, function,
                                      handle(), arguments..., response);
    }

    std::unique_ptr<detail::Client> state;
};

/* ======== Renewals of a fleet */

/// One renewal that a guard carries out.
class Renewal {
public:
    explicit Renewal(FitbitRenewal *lent) noexcept : renewal(lent) {}
    Renewal(const Renewal &) = delete;
    Renewal &operator=(const Renewal &) = delete;

    /// Renews, if that is still needed. Gives the token to be stored; none: what is stored is used.
    Outcome<std::optional<std::string>> run(std::optional<std::string_view> stored_token_json)
    {
        const char *token = nullptr;
        return detail::make<std::optional<std::string>>(
            [&] { return token ? std::optional<std::string>(token) : std::nullopt; },
            fitbit_renewal_run, renewal, stored_token_json, &token);
    }

private:
    FitbitRenewal *renewal;
};

/* ======== The application */

/// What step one gives: send the person to the one, keep the other for step two.
struct StepOne {
    std::string authorization_uri;
    std::string session;
};

/// The registered application. Make it, set it up, then use it from any number of threads.
class App {
public:
    App() = default;
    static Outcome<App> make(FitbitProvider provider, std::string_view client_id,
                             std::optional<std::string_view> client_secret = {},
                             std::optional<std::string_view> callback_uri = {})
    {
        App app;
        app.state = std::make_shared<detail::App>(std::make_shared<detail::AppCallbacks>());
        return detail::make<App>([&] { return std::move(app); }, fitbit_app_new, provider,
                                 client_id, client_secret, callback_uri, &app.state->handle);
    }
#if !defined(FITBIT_NO_EXCEPTIONS)
    explicit App(FitbitProvider provider, std::string_view client_id,
                 std::optional<std::string_view> client_secret = {},
                 std::optional<std::string_view> callback_uri = {})
        : App(make(provider, client_id, client_secret, callback_uri))
    {
    }
#endif

    Outcome<void> set_scopes(std::string_view scopes) { return set(fitbit_app_set_scopes, scopes); }
    Outcome<void> set_endpoint(FitbitEndpoint endpoint, std::string_view uri)
    {
        return set(fitbit_app_set_endpoint, endpoint, uri);
    }
    Outcome<void> set_client_auth(FitbitClientAuth method)
    {
        return set(fitbit_app_set_client_auth, method);
    }
    Outcome<void> set_header(std::string_view name, std::optional<std::string_view> value)
    {
        return set(fitbit_app_set_header, name, value);
    }
    Outcome<void> set_timeout(std::chrono::milliseconds timeout)
    {
        return set(fitbit_app_set_timeout_ms, timeout);
    }
    Outcome<void> set_refresh_leeway(std::chrono::seconds leeway)
    {
        return set(fitbit_app_set_refresh_leeway, leeway);
    }
    Outcome<void> set_max_body(std::size_t bytes) { return set(fitbit_app_set_max_body, bytes); }
    Outcome<void> set_rate_limit_wait(std::chrono::seconds longest)
    {
        return set(fitbit_app_set_rate_limit_wait, longest);
    }
    Outcome<void> set_proxy(std::optional<std::string_view> uri)
    {
        return set(fitbit_app_set_proxy, uri);
    }
    Outcome<void> set_ca_file(std::string_view pem_path)
    {
        return set(fitbit_app_set_ca_file, pem_path);
    }
    Outcome<void> set_logger(FitbitLogLevel most, LogCallback log)
    {
        FitbitLogCallback callback = [](FitbitLogLevel level, const char *message, void *app) {
            detail::Call::back([&] {
                static_cast<detail::AppCallbacks *>(app)->log(level, message);
                return true;
            });
        };
        return detail::run([&] {
            FitbitError *error = fitbit_app_set_logger(handle(), most, log ? callback : nullptr,
                                                       callbacks());
            if (error == nullptr)
                callbacks()->log = std::move(log);
            return error;
        });
    }
    Outcome<void> set_renewal_guard(RenewalGuard guard)
    {
        FitbitRenewalGuard callback = [](FitbitRenewal *lent, void *user_data) {
            return detail::Call::back([&] {
                auto *login = static_cast<detail::Login *>(user_data);
                Renewal renewal(lent);
                return login->app->guard(renewal, login->person);
            });
        };
        return detail::run([&] {
            FitbitError *error = fitbit_app_set_renewal_guard(handle(), guard ? callback : nullptr);
            if (error == nullptr)
                callbacks()->guard = std::move(guard);
            return error;
        });
    }

    Outcome<StepOne> step_one(std::optional<std::string_view> params = {})
    {
        detail::Owned<char> uri, session;
        return detail::make<StepOne>([&] { return StepOne{uri.get(), session.get()}; },
                                     fitbit_step_one, handle(), params, uri, session);
    }
    /// An exception of a callback leaves no client behind: the token was offered once more, and if
    /// that did not save it either, the person has to log in again.
    Outcome<Client> step_two(std::string_view session, std::string_view redirect_uri,
                             TokenCallback on_token = {}, std::string person = {})
    {
        return made([&](Client &client) {
            return step_two(client, session, redirect_uri, std::move(on_token), std::move(person));
        });
    }
    /// The same into `client`, which is logged in, and keeps the token, whatever a callback throws.
    Outcome<void> step_two(Client &client, std::string_view session, std::string_view redirect_uri,
                           TokenCallback on_token = {}, std::string person = {})
    {
        return start(client, std::move(on_token), std::move(person), fitbit_step_two, session,
                     redirect_uri);
    }
    /// Both steps in one call, with exceptions as above. An empty `open`: the default browser.
    Outcome<Client> login(std::chrono::milliseconds timeout, TokenCallback on_token = {},
                          OpenCallback open = {}, std::string person = {})
    {
        return made([&](Client &client) {
            return login(client, timeout, std::move(on_token), std::move(open), std::move(person));
        });
    }
    Outcome<void> login(Client &client, std::chrono::milliseconds timeout,
                        TokenCallback on_token = {}, OpenCallback open = {},
                        std::string person = {})
    {
        FitbitOpenCallback callback = [](const char *uri, void *data) {
            return detail::Call::back([&] { return (*static_cast<OpenCallback *>(data))(uri); });
        };
        return start(client, std::move(on_token), std::move(person), fitbit_login, timeout,
                     open ? callback : nullptr, static_cast<void *>(&open));
    }
    Outcome<Client> from_token(std::string_view token_json, TokenCallback on_token = {},
                               std::string person = {})
    {
        return made([&](Client &client) {
            return start(client, std::move(on_token), std::move(person), fitbit_from_token,
                         token_json);
        });
    }
    Outcome<Client> from_file(std::string_view path)
    {
        auto without_callback = [](FitbitApp *app, const char *file, FitbitTokenCallback, void *,
                                   FitbitClient **to) { return fitbit_from_file(app, file, to); };
        return made([&](Client &client) { return start(client, {}, {}, without_callback, path); });
    }

    /// Success: the notification is the provider's.
    Outcome<void> verify_signature(std::string_view signature, std::string_view body)
    {
        return set(fitbit_verify_signature, signature, body.data(), body.size());
    }
    void cancel() noexcept { fitbit_app_cancel(handle()); }

    /// Another handle on the same application. It counts as the first use of the app.
    Outcome<App> dup() const
    {
        App other;
        other.state = std::make_shared<detail::App>(state ? state->callbacks : nullptr);
        return detail::make<App>([&] { return std::move(other); }, fitbit_app_dup, handle(),
                                 &other.state->handle);
    }
    /// Ends the calls of this handle and its copies, now and later. The clients' calls go on.
    void abort() noexcept { fitbit_app_abort(handle()); }
    /// Ends the calls of all handles and all clients of this application, now and later. In a signal
    /// handler, it is all that a correct Ctrl-C needs.
    void shutdown() noexcept { fitbit_app_shutdown(handle()); }
    FitbitApp *handle() const noexcept { return state ? state->handle : nullptr; }

private:
    detail::AppCallbacks *callbacks() const noexcept
    {
        return state ? state->callbacks.get() : nullptr;
    }

    template <class Function, class... Arguments>
    Outcome<void> set(Function function, Arguments... arguments)
    {
        return detail::run(function, handle(), arguments...);
    }

    template <class Function, class... Arguments>
    Outcome<void> start(Client &client, TokenCallback on_token, std::string person,
                        Function function, Arguments... arguments)
    {
        FitbitTokenCallback callback = [](const char *token_json, void *user_data) {
            return detail::Call::back(
                [&] { return static_cast<detail::Login *>(user_data)->on_token(token_json); });
        };
        auto login = std::make_shared<detail::Login>();
        login->app = state ? state->callbacks : nullptr;
        login->on_token = std::move(on_token);
        login->person = std::move(person);
        auto begun = std::make_unique<detail::Client>(login);
        return detail::run([&] {
            FitbitError *error = function(handle(), detail::as_c(arguments)...,
                                          login->on_token ? callback : nullptr, login.get(),
                                          &begun->handle);
            // Before a callback's exception can leave: the client keeps the token.
            if (error == nullptr)
                client.state = std::move(begun);
            return error;
        });
    }

    template <class Function>
    static Outcome<Client> made(Function function)
    {
        Client client;
#if defined(FITBIT_NO_EXCEPTIONS)
        if (auto done = function(client); !done)
            return done.error();
#else
        function(client);
#endif
        return Outcome<Client>(std::move(client));
    }

    std::shared_ptr<detail::App> state;
};

/// The version of the library that is loaded.
inline std::string_view version() noexcept { return fitbit_version(); }

} // namespace

} // namespace fitbit

#endif // FITBIT_HPP

// Package fitbit logs a person in to Fitbit, or to its successor Google Health, and keeps the login
// alive. It is libfitbit for Go; fitbit.h, the library's header, is the manual for what is short here.
//
// An [App] is the application as it is registered with the provider. [App.Login] logs in the person
// at this machine; [App.StepOne] and [App.StepTwo] log in one whose browser is elsewhere; a saved token
// becomes a [Client] with [App.FromToken] or [App.FromFile], and nobody has to log in. A client makes
// requests as that person and renews its token by itself. All of them may be used by any number of
// goroutines at once.
//
// # Contexts
//
// A call runs on the goroutine that makes it. When its context ends, the call ends within 100
// milliseconds and returns the context's error. Its thread and its connection are free then, and no other
// call is affected. The provider may have carried the request out all the same.
//
// Some requests are finished first, because ending them could lose the login: the exchange in
// [App.StepTwo] and [App.Login], a revocation, and a renewal with a single-use refresh token (Fitbit). If
// such a request was already sent, the call waits for its response, at most until the timeout, and the
// [SaveFunc] gets the new token. An exchange or a revocation that succeeds returns its result and nil,
// although the context has ended. After a renewal the call returns the context's error, and the client has
// the new token.
//
// Google's refresh tokens can be used again. A context that ends during a renewal at Google ends the call
// within 100 milliseconds, and the login loses nothing: the next call within 30 seconds reads the response.
//
// A context does not end a callback, and it can only shorten the timeout of [WithTimeout] or
// [Client.SetTimeout].
//
// # Callbacks
//
// A callback that panics does not harm the library: the panic goes on, as a [*CallbackPanic], in the
// call that the callback interrupted; Close returns it as its error. A callback must not end its goroutine
// (runtime.Goexit, and with it testing.T.FailNow).
package fitbit

// #cgo pkg-config: fitbit
// #include "bridge.h"
import "C"

import "runtime"

// Provider is the service that an application is registered with.
type Provider uint32

const (
	// Fitbit is the Fitbit Web API, whose switch-off was announced for 2026-11-02.
	Fitbit Provider = C.FITBIT_PROVIDER_FITBIT
	// GoogleHealth is its successor, the Google Health API.
	GoogleHealth Provider = C.FITBIT_PROVIDER_GOOGLE_HEALTH
)

// App is a registered application: its credentials, its settings, and the connections that its clients
// share. Close it when it is not needed any more; its clients go on.
type App struct {
	handle
}

// NewApp makes an application.
//
// An application without a secret has "" for clientSecret. callbackURI is sent exactly as it is
// written here; with "" the app only starts from saved tokens.
func NewApp(provider Provider, clientID, clientSecret, callbackURI string, options ...Option) (*App, error) {
	var args arguments
	defer args.free()
	var c *C.FitbitApp
	err := failure(C.fitbit_app_new(C.FitbitProvider(provider), args.text(clientID),
		args.optional(clientSecret), args.optional(callbackURI), &c))
	if err != nil {
		return nil, err
	}
	shared := &core{app: c, owners: 1}
	app := &App{newHandle(shared, func() error {
		shared.release()
		return nil
	})}
	runtime.SetFinalizer(app, func(app *App) { go app.Close() })
	for _, option := range options {
		if err := option(shared); err != nil {
			app.Close()
			return nil, err
		}
	}
	return app, nil
}

// Cancel ends the calls that run now with this app or its clients. They return [ErrCancelled], as soon as
// calls whose context ends. Later calls are not affected.
func (a *App) Cancel() {
	a.core.whileAlive(func(app *C.FitbitApp) { C.fitbit_app_cancel(app) })
}

// Shutdown ends the calls that run now with this app or its clients, and every later call, with
// [ErrCancelled]. A program calls it when it is told to end. Tokens can still be read and saved:
// [Client.Token], [Client.Save], [Client.SetTokenFile] and Close work as before, but wait at most two seconds.
func (a *App) Shutdown() {
	a.core.whileAlive(func(app *C.FitbitApp) { C.fitbit_app_shutdown(app) })
}

// Close waits for the calls that run on the app, and closes it. [App.Cancel] and [App.Shutdown] end such
// calls early. Later calls are [ErrClosed]. The app's clients go on; what the library holds for the app is
// freed with the last of them. A second Close does nothing. Inside a callback Close does not wait.
func (a *App) Close() error {
	if a == nil {
		return nil
	}
	runtime.SetFinalizer(a, nil)
	return a.close()
}

// VerifySignature tells whether a notification with this body is the provider's: the signature is the
// value of its header X-Fitbit-Signature. Nil: it is. [ErrSignature]: drop it.
func (a *App) VerifySignature(signature string, body []byte) error {
	return a.run(func(args *arguments) error {
		bytes, length := args.bytes(body)
		return failure(C.fitbit_verify_signature(a.core.app, args.text(signature), bytes, length))
	})
}

// Version is the version of the library, such as "0.1.0".
func Version() string {
	return C.GoString(C.fitbit_version())
}

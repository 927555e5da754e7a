package fitbit_test

// What every test begins with: the provider simulator at FITBIT_SIMULATOR, and a person with a browser.

import (
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"example.org/fitbit"
)

var simulator = os.Getenv("FITBIT_SIMULATOR")

func TestMain(m *testing.M) {
	if simulator == "" {
		fmt.Fprintln(os.Stderr, "FITBIT_SIMULATOR has to name one: cargo run --example simulator")
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// dialect is what differs between the providers.
type dialect struct {
	name                   string
	provider               fitbit.Provider
	clientID, clientSecret string
	oauth                  [3]string
	profile, sleep, list   string
	scopes                 []string
	user                   string
}

var dialects = []dialect{
	{
		"Fitbit", fitbit.Fitbit, "22SRVR", "5e2f7e7a90c14d1b8a6d3b0f4c9e1a27",
		[3]string{"/oauth2/authorize", "/oauth2/token", "/oauth2/revoke"},
		"/1/user/-/profile.json", "/1.2/user/-/sleep/date/2024-06-01.json",
		"/1.2/user/-/sleep/list.json?afterDate=2024-01-01&sort=asc&offset=0&limit=20",
		[]string{"profile", "sleep", "nutrition"}, "26FWFL",
	},
	{
		"Google Health", fitbit.GoogleHealth,
		"620184410597-demo.apps.googleusercontent.com", "GOCSPX-d3mo_9aB2cD4eF6gH8iJ0kL2",
		[3]string{"/o/oauth2/v2/auth", "/token", "/revoke"},
		"/v4/users/me/profile", "/v4/users/me/dataTypes/sleep/dataPoints?pageSize=1",
		"/v4/users/me/dataTypes/sleep/dataPoints?pageSize=20",
		[]string{
			"https://www.googleapis.com/auth/googlehealth.profile.readonly",
			"https://www.googleapis.com/auth/googlehealth.sleep.readonly",
		}, "6409668277961255840",
	},
}

// forEach runs a test with each provider, and looks afterwards whether a goroutine is left over.
func forEach(t *testing.T, test func(t *testing.T, d dialect)) {
	for _, d := range dialects {
		d := d
		t.Run(d.name, func(t *testing.T) {
			control(t, "reset", nil)
			before := runtime.NumGoroutine()
			test(t, d)
			eventually(t, "no goroutine is left over", func() bool { return runtime.NumGoroutine() <= before })
		})
	}
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it is not so that %s", what)
		}
	}
}

const callback = "http://127.0.0.1:8080/callback"

// forever is a timeout that no test lives to see: what ends before it was ended.
const forever = 10 * time.Hour

func (d dialect) app(t *testing.T, options ...fitbit.Option) *fitbit.App {
	t.Helper()
	return d.appFor(t, d.clientID, callback, options...)
}

func (d dialect) appFor(t *testing.T, clientID, callback string, options ...fitbit.Option) *fitbit.App {
	t.Helper()
	options = append([]fitbit.Option{
		fitbit.WithEndpoint(fitbit.AuthorizeEndpoint, simulator+d.oauth[0]),
		fitbit.WithEndpoint(fitbit.TokenEndpoint, simulator+d.oauth[1]),
		fitbit.WithEndpoint(fitbit.RevokeEndpoint, simulator+d.oauth[2]),
		fitbit.WithEndpoint(fitbit.APIEndpoint, simulator),
		fitbit.WithScopes(d.scopes...),
	}, options...)
	app, err := fitbit.NewApp(d.provider, clientID, d.clientSecret, callback, options...)
	ok(t, err)
	return app
}

// token is one that somebody saved; it expires in so many seconds.
func (d dialect) token(t *testing.T, expiresIn int64) string {
	t.Helper()
	token := control(t, "token", object{"client_id": d.clientID, "user_id": "26FWFL", "scopes": d.scopes})
	token["expires_at"] = time.Now().Unix() + expiresIn
	text, err := json.Marshal(token)
	ok(t, err)
	return string(text)
}

// client is one with such a token, and where its new ones are kept.
func (d dialect) client(t *testing.T, expiresIn int64, options ...fitbit.Option) (*fitbit.Client, *store) {
	t.Helper()
	app, tokens := d.app(t, options...), &store{}
	client, err := app.FromToken(d.token(t, expiresIn), tokens.save)
	ok(t, err)
	ok(t, app.Close())
	return client, tokens
}

// store keeps tokens, unless it is given an error.
type store struct {
	mutex  sync.Mutex
	tokens []string
	err    error
}

func (s *store) save(token string) error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.tokens = append(s.tokens, token)
	return s.err
}

func (s *store) fails(err error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.err = err
}

func (s *store) all() []string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return append([]string(nil), s.tokens...)
}

type object map[string]any

var browser = &http.Client{
	Transport:     &http.Transport{DisableKeepAlives: true},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// control uses one of the simulator's switches.
func control(t *testing.T, name string, switches object) (answer object) {
	t.Helper()
	body, err := json.Marshal(switches)
	ok(t, err)
	response, err := browser.Post(simulator+"/_simulator/"+name, "application/json", strings.NewReader(string(body)))
	ok(t, err)
	defer response.Body.Close()
	ok(t, json.NewDecoder(response.Body).Decode(&answer))
	if response.StatusCode != 200 {
		t.Fatalf("%s: %v", name, answer)
	}
	return answer
}

func fault(t *testing.T, on, kind string, more object) {
	t.Helper()
	switches := object{"on": on, "kind": kind}
	for name, value := range more {
		switches[name] = value
	}
	control(t, "fault", switches)
}

// requests is how many of a kind the simulator was sent.
func requests(t *testing.T, kind string) int {
	t.Helper()
	response, err := browser.Get(simulator + "/_simulator/counts")
	ok(t, err)
	defer response.Body.Close()
	var counts struct{ Requests map[string]int }
	ok(t, json.NewDecoder(response.Body).Decode(&counts))
	return counts.Requests[kind]
}

// received gives the values of a header in the API requests that the simulator was sent, in their order.
func received(t *testing.T, name string) (values []string) {
	t.Helper()
	response, err := browser.Get(simulator + "/_simulator/log")
	ok(t, err)
	defer response.Body.Close()
	var log []struct{ Headers [][2]string }
	ok(t, json.NewDecoder(response.Body).Decode(&log))
	for _, request := range log {
		for _, header := range request.Headers {
			if strings.EqualFold(header[0], name) {
				values = append(values, header[1])
			}
		}
	}
	return values
}

// silent is an origin that answers no attempt to connect, because its queue of connections is full.
func silent(t *testing.T) string {
	t.Helper()
	socket, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	ok(t, err)
	t.Cleanup(func() { syscall.Close(socket) })
	ok(t, syscall.Bind(socket, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	ok(t, syscall.Listen(socket, 0))
	name, err := syscall.Getsockname(socket)
	ok(t, err)
	address := fmt.Sprintf("127.0.0.1:%d", name.(*syscall.SockaddrInet4).Port)
	for i := 0; i < 16; i++ {
		connection, err := net.DialTimeout("tcp", address, 200*time.Millisecond)
		if err != nil {
			return "http://" + address
		}
		t.Cleanup(func() { connection.Close() })
	}
	t.Fatal("a full queue still takes connections")
	return ""
}

var (
	action = regexp.MustCompile(`<form[^>]* action="([^"]*)"`)
	input  = regexp.MustCompile(`<input[^>]* name="([^"]*)"[^>]* value="([^"]*)"`)
)

// visit is the person, who opens an address and decides "grant" or "deny": where they are sent to.
func visit(address, decision string) (string, error) {
	response, err := browser.Get(address)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	page, err := io.ReadAll(response.Body)
	if err != nil {
		return "", err
	}
	form := action.FindSubmatch(page)
	if form == nil {
		return "", fmt.Errorf("not the consent page: %s", page)
	}
	fields := url.Values{"decision": {decision}}
	for _, field := range input.FindAllSubmatch(page, -1) {
		fields.Add(string(field[1]), html.UnescapeString(string(field[2])))
	}
	answer, err := browser.PostForm(simulator+html.UnescapeString(string(form[1])), fields)
	if err != nil {
		return "", err
	}
	answer.Body.Close()
	return answer.Header.Get("Location"), nil
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

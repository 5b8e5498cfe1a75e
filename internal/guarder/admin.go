package guarder

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/net/netutil"

	"github.com/packetscope/packetscope/internal/guarder/host"
)

// An Administered is what the admin socket gives access to; [Engine] is one.
type Administered interface {
	Status() (Status, error)
	// Top returns at most so many sources, or all if that is 0.
	Top(sources int) (Top, error)
	// Hits returns the whole table of sources.
	Hits() (HitList, error)
	// Alerts returns the rules that somebody is to be told of.
	Alerts() (AlertList, error)
	// Bans returns who is banned.
	Bans() (BanList, error)
	// Ban bans somebody, or says why not.
	Ban(BanOrder) (BanStatus, error)
	// Unban ends a ban.
	Unban(netip.Prefix) error
	// Apply reads the policy from its files again and puts it in force.
	Apply(Order) error
	Confirm() error
	Rollback() error
	// Unlock forgets the MAC address that was learnt for an address.
	Unlock(Unlocking) error
	// Detach takes Guarder off all devices. Nothing else can be asked for after it.
	Detach() error
}

// An Order tells who wants a policy in force.
type Order struct {
	// Operator are the connections by which the one who asks has come. None means that
	// nobody knows.
	Operator []host.Connection `json:"operator,omitempty"`
	// AcceptLockout has it put in force even if it cuts off connections of the host.
	AcceptLockout bool `json:"accept_lockout,omitempty"`
}

// An Unlocking names an address whose MAC address is to be learnt anew; Set is that of
// the policy, or "" for all that have it.
type Unlocking struct {
	Set string     `json:"set,omitempty"`
	IP  netip.Addr `json:"ip"`
}

// How long who asks waits for the answer. A policy is put in force in a fraction of a
// second, but tried before with two packets of each peer of this host, by the interpreter
// (see host.Lockout): 10,000 rules and 50,000 peers take most of a minute.
const (
	adminTimeout = 30 * time.Second
	applyTimeout = 2 * time.Minute
)

// ListenAdmin opens the admin socket, which only its owner may use. A socket that an
// agent has left is replaced; one that answers is an error.
//
// The socket stays when the listener is closed: what the agent has put in force does
// too, and whoever asks here is to be told that nobody looks after it any more.
func ListenAdmin(path string) (net.Listener, error) { return listen(path, 0o600) }

// ListenStatus opens a socket that every user of the host may use, for [StatusHandler].
// It stays, too. Who holds many connections keeps others from the status, but takes no
// files that the agent needs.
func ListenStatus(path string) (net.Listener, error) {
	l, err := listen(path, 0o666)
	if err != nil {
		return nil, err
	}
	return netutil.LimitListener(l, statusConnections), nil
}

// statusConnections is how many there are at a time.
const statusConnections = 32

func listen(path string, mode os.FileMode) (net.Listener, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("folder of the socket: %w", err)
	}
	c, err := net.DialTimeout("unix", path, time.Second)
	if err == nil {
		c.Close()
	}
	if err == nil || errors.Is(err, syscall.EAGAIN) { // which is an agent that many wait for
		return nil, fmt.Errorf("socket %s is in use: another agent runs", path)
	}
	if err := RemoveSocket(path); err != nil {
		return nil, fmt.Errorf("remove the old socket: %w", err)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("socket: %w", err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	if err := os.Chmod(path, mode); err != nil {
		l.Close()
		return nil, fmt.Errorf("socket: %w", err)
	}
	return l, nil
}

// RemoveSocket removes a socket that is there. Whatever else has the name, as that was
// mistyped, stays and is an error.
func RemoveSocket(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode()&os.ModeSocket == 0:
		return fmt.Errorf("%s is no socket: name another path", path)
	}
	return os.Remove(path)
}

// AdminHandler serves GET /status, /alerts, /hits, /bans, /samples and /top?sources=N, and POST
// /ban, /unban, /apply, /unlock, /confirm, /rollback and /detach. An error is the text of the answer,
// with status 409.
func AdminHandler(a Administered) http.Handler {
	mux := HitsHandler(a)
	AddBans(mux, a)
	addBanOrders(mux, a)
	mux.HandleFunc("GET /top", func(w http.ResponseWriter, r *http.Request) {
		sources, err := strconv.Atoi(cmp.Or(r.URL.Query().Get("sources"), "0"))
		if err != nil || sources < 0 {
			http.Error(w, "sources: want a number from 0", http.StatusBadRequest)
			return
		}
		t, err := a.Top(sources)
		tell(w, t, err)
	})
	mux.HandleFunc("POST /apply", func(w http.ResponseWriter, r *http.Request) {
		var o Order
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxOrder)).Decode(&o); err != nil && !errors.Is(err, io.EOF) {
			http.Error(w, "order: "+err.Error(), http.StatusBadRequest)
			return
		}
		answer(w, a.Apply(o))
	})
	mux.HandleFunc("POST /unlock", func(w http.ResponseWriter, r *http.Request) {
		var u Unlocking
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxOrder)).Decode(&u); err != nil {
			http.Error(w, "unlock: "+err.Error(), http.StatusBadRequest)
			return
		}
		answer(w, a.Unlock(u))
	})
	for verb, do := range map[string]func() error{"confirm": a.Confirm, "rollback": a.Rollback, "detach": a.Detach} {
		mux.HandleFunc("POST /"+verb, func(w http.ResponseWriter, _ *http.Request) { answer(w, do()) })
	}
	return mux
}

// StatusHandler serves GET /status and GET /alerts, which name no address but those of
// neighbours that the policy binds.
func StatusHandler(a Administered) *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, _ *http.Request) {
		s, err := a.Status()
		tell(w, s, err)
	})
	mux.HandleFunc("GET /alerts", func(w http.ResponseWriter, _ *http.Request) {
		list, err := a.Alerts()
		tell(w, list, err)
	})
	return mux
}

// HitsHandler is StatusHandler with GET /hits, which names the addresses of sources, and GET
// /samples, which shows the first bytes of packets.
func HitsHandler(a Administered) *http.ServeMux {
	mux := StatusHandler(a)
	mux.HandleFunc("GET /hits", func(w http.ResponseWriter, _ *http.Request) {
		list, err := a.Hits()
		tell(w, list, err)
	})
	mux.HandleFunc("GET /samples", func(w http.ResponseWriter, _ *http.Request) {
		t, err := a.Top(1)
		tell(w, samplesOf(t), err)
	})
	return mux
}

// tell writes what was asked for, unless there was an error.
func tell(w http.ResponseWriter, what any, err error) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(what) // whoever asked may have gone
}

// The longest order and answer, in bytes.
const (
	maxOrder  = 1 << 16
	maxAnswer = 1 << 26
)

func answer(w http.ResponseWriter, err error) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusConflict)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// A Client speaks to an agent by its admin socket. It is an [Administered].
type Client struct{ Socket string }

// ErrNoAgent is wrapped by the error that says that nobody listens. One that is there and
// does not answer is another error.
var ErrNoAgent = errors.New("no agent answers")

// Status implements [Administered].
func (c Client) Status() (s Status, err error) {
	err = c.read("status", &s)
	return s, err
}

// Top implements [Administered].
func (c Client) Top(sources int) (t Top, err error) {
	err = c.read("top?sources="+strconv.Itoa(sources), &t)
	return t, err
}

// Hits implements [Administered].
func (c Client) Hits() (list HitList, err error) {
	err = c.read("hits", &list)
	return list, err
}

// Alerts implements [Administered].
func (c Client) Alerts() (list AlertList, err error) {
	err = c.read("alerts", &list)
	return list, err
}

// Samples returns the last packets that were copied.
func (c Client) Samples() (list SampleList, err error) {
	err = c.read("samples", &list)
	return list, err
}

func (c Client) read(what string, to any) error {
	body, err := c.ask(http.MethodGet, what, nil)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, to); err != nil {
		return fmt.Errorf("answer of the agent: %w", err)
	}
	return nil
}

// Apply implements [Administered].
func (c Client) Apply(o Order) error {
	text, err := json.Marshal(o)
	if err != nil {
		return err
	}
	_, err = c.ask(http.MethodPost, "apply", text)
	return err
}

// Confirm implements [Administered].
func (c Client) Confirm() error { return c.tell("confirm") }

// Rollback implements [Administered].
func (c Client) Rollback() error { return c.tell("rollback") }

// Unlock implements [Administered].
func (c Client) Unlock(u Unlocking) error {
	text, err := json.Marshal(u)
	if err != nil {
		return err
	}
	_, err = c.ask(http.MethodPost, "unlock", text)
	return err
}

// Detach implements [Administered].
func (c Client) Detach() error { return c.tell("detach") }

func (c Client) tell(verb string) error {
	_, err := c.ask(http.MethodPost, verb, nil)
	return err
}

func (c Client) ask(method, verb string, order []byte) ([]byte, error) {
	timeout := adminTimeout
	if order != nil {
		timeout = applyTimeout
	}
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", c.Socket)
	}
	client := http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}, Timeout: timeout}
	request, err := http.NewRequest(method, "http://agent/"+verb, bytes.NewReader(order))
	if err != nil {
		return nil, err
	}
	answer, err := client.Do(request)
	if dialed := (*net.OpError)(nil); errors.As(err, &dialed) && dialed.Op == "dial" && !dialed.Timeout() {
		return nil, fmt.Errorf("%w at %s (does packetscope guard run, and are you root?): %v", ErrNoAgent, c.Socket, errors.Unwrap(err))
	}
	if err != nil {
		return nil, fmt.Errorf("the agent at %s gave no answer, and may do what it was told all the same (packetscope guard status tells): %v", c.Socket, errors.Unwrap(err))
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("answer of the agent: %w", err)
	}
	if answer.StatusCode == http.StatusNotFound {
		return nil, fmt.Errorf("%s: %w", verb, ErrNotTold)
	}
	if answer.StatusCode >= http.StatusBadRequest {
		return nil, errors.New(strings.TrimSpace(string(body)))
	}
	return body, nil
}

//go:build linux

package guarder

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/packetscope/packetscope/internal/guarder/compile"
	"github.com/packetscope/packetscope/internal/guarder/feed"
	"github.com/packetscope/packetscope/internal/guarder/host"
	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// A Config says what an agent enforces, and where.
type Config struct {
	// Paths are the files of the policy, or folders of them.
	Paths []string
	// Ceiling is the strongest mode that this host allows; Off means that there is
	// none.
	Ceiling policy.Mode
	// Devices are names or patterns; nil means those that the policy names.
	Devices []string
	// Dir is the folder of the pinned state, in the BPF file system.
	Dir string
	// State is the folder on disk where it is remembered which policy was confirmed;
	// "" remembers nothing over a restart of the agent.
	State string
	// Facts, if not nil, tells about the host; a policy that would cut it off is then
	// an error, unless AcceptLockout is set.
	Facts         func() (*host.Facts, error)
	AcceptLockout bool
	// Samples are the packets that rules have copied.
	Samples SampleConfig
	// NoHits leaves it that sources and services are not noted.
	NoHits bool
	// Agent is what the servers of feeds are told that asks them.
	Agent string

	// rehearse and load are replaced by tests; nil stands for the real ones.
	rehearse rehearsal
	load     func(*compile.Tables, compile.LoadOptions) (*compile.Generation, error)
	around   func() (feed.Host, error)
	// connections is of how many prefixes they can be counted; 0 is as many as there is room for.
	connections int
	// every is how often an engine looks after its policy; 0 is wireEvery.
	every time.Duration
}

// An Engine is an agent: it has a policy in force and looks after it. What it has
// put in force stays there when it is closed.
type Engine struct {
	cfg    Config
	store  *Store
	memory *Memory
	// bindings are what was learnt of neighbours, and gateways those when it was looked.
	bindings    *Bindings
	gateways    []netip.Addr
	deviceNames map[int]string // of devices, by index, then
	home        namespace
	logger      *slog.Logger
	since       time.Time
	trial       Trial

	// mu is held while the policy is changed, and while it is read.
	mu      sync.Mutex
	current *inForce
	wire    TripWire
	keeper  keeper
	matches lastMatches
	sampler *sampler
	feeds   *feeder
	bans    *banner
	failed  bool
	trips   uint64
	// before is what is in force again if the trial is not confirmed; nil if nothing is
	// on trial.
	before *before
	trials int
	// said is what was last logged about a device that cannot be guarded.
	said map[string]string

	stop chan struct{}
	done sync.WaitGroup
}

// inForce is a policy with what the kernel holds of it.
type inForce struct {
	policy      *policy.Policy
	fingerprint Fingerprint
	// generation is nil if the agent does not know what is in force: the policy of an
	// agent before, or nothing. Then the policy has no rules.
	generation *compile.Generation
	slots      []uint32
	feedSlots  []uint32
	learned    policy.Learned
	indices    map[string]int // of devices by name
	own        []netip.Addr
	epoch      time.Time // of the ends of its rules, see bootZero
	devices    []Attachment
	census     *census // nil if the policy asks for no connections
	applied    time.Time
	tripped    bool
}

// close gives the policy up; the kernel keeps it for as long as it is in force.
func (f *inForce) close() {
	if f != nil && f.generation != nil {
		f.generation.Close()
		f.census.close()
	}
}

// Open reads the policy, puts it in force and attaches it. If the policy is at fault,
// or cannot be put in force, whatever was in force before still is.
//
// A policy that was confirmed is not on trial again. A trial that an agent before has
// left goes on, or is over; a policy that was not confirmed in its trial is not put in
// force by Open: what was before stays, and the agent waits for Apply.
func Open(cfg Config, logger *slog.Logger) (*Engine, error) {
	memory, err := OpenMemory(cfg.State)
	if err != nil {
		return nil, err
	}
	bindings, err := OpenBindings(cfg.State)
	if err != nil {
		return nil, err
	}
	e := &Engine{
		cfg: cfg, memory: memory, bindings: bindings, logger: logger, since: time.Now(),
		said: make(map[string]string), stop: make(chan struct{}), feeds: newFeeder(cfg),
	}
	p, operator, err := e.load(cfg, nil)
	if err != nil {
		return nil, err
	}
	if err := linksHere(cfg.Dir); err != nil {
		return nil, err
	}
	store, err := OpenStore(cfg.Dir, len(p.Rules))
	if err != nil {
		return nil, err
	}
	home, err := openNamespace()
	if err != nil {
		store.Close()
		return nil, err
	}
	if store.Replaced != nil {
		logger.Warn("the pinned state cannot be used; counters begin anew, and what it enforces stays in force until the new policy is", "err", store.Replaced)
	}
	e.store, e.home = store, home
	e.trial.Undone = e.undone
	e.feeds.inherited = store.hasFeeds()
	if e.sampler, err = newSampler(store.state[compile.MapSamples], cfg.Samples, logger); err != nil {
		store.Close()
		home.file.Close()
		return nil, err
	}
	if e.bans, err = openBans(cfg, store, logger); err != nil {
		e.sampler.close()
		store.Close()
		home.file.Close()
		return nil, err
	}
	e.bans.remember(operator)
	e.mu.Lock()
	err = e.begin(p, operator)
	e.mu.Unlock()
	if err != nil {
		e.bans.requests.Close()
		e.sampler.close()
		store.Close()
		home.file.Close()
		return nil, err
	}
	e.sampler.run()
	for _, look := range []func(chan<- error){e.watch, e.watchFeeds, e.watchBans} {
		ready := make(chan error)
		e.done.Add(1)
		go look(ready)
		if err := <-ready; err != nil {
			e.Close()
			return nil, err
		}
	}
	return e, nil
}

// load reads the policy and logs its warnings. The error has a line per fault. Beside
// the policy it returns the connections of whoever wants it in force: those that were
// given, or else those of this process.
//
// The host is asked for what the policy learns, so that it is tried as it will be.
func (e *Engine) load(cfg Config, operator []host.Connection) (*policy.Policy, []host.Connection, error) {
	p, faults := policy.Load(cfg.Paths, policy.Options{Ceiling: cfg.Ceiling})
	learned := e.learnFor(p)
	if p != nil && cfg.Facts != nil {
		facts, err := cfg.Facts()
		if err != nil {
			return nil, nil, err
		}
		if operator == nil {
			operator = facts.Operator
		}
		facts.Operator = operator
		if err := forgetOwn(facts, cfg.Dir); err != nil {
			return nil, nil, err
		}
		faults = append(faults, slices.DeleteFunc(host.Check(onDevices(p.With(learned), cfg.Devices), facts), func(f policy.Fault) bool {
			return cfg.AcceptLockout && host.Accepted(f)
		})...)
	}
	failed := policy.Failed(faults)
	var lines []string
	for _, f := range faults {
		if !failed {
			e.logger.Warn("policy", "fault", f.String())
		}
		lines = append(lines, f.String())
	}
	if failed {
		return nil, nil, errors.New(strings.Join(lines, "\n"))
	}
	return p, operator, nil
}

// onDevices returns the policy as it is if the agent was told other devices for it, so
// that it is tried on those.
func onDevices(p *policy.Policy, names []string) *policy.Policy {
	if names == nil {
		return p
	}
	there := *p
	there.Attach = nil
	for _, name := range names {
		there.Attach = append(there.Attach, strings.TrimSuffix(name, "?"))
	}
	return &there
}

// forgetOwn leaves Guarder's own programs out of what is known of devices, whatever
// their names, which not every agent may read.
func forgetOwn(facts *host.Facts, dir string) error {
	links, err := pinnedLinks(dir)
	if err != nil {
		return err
	}
	defer links.Close()
	for i := range facts.Devices {
		if links[facts.Devices[i].Index] != nil {
			facts.Devices[i].XDP = nil
		}
	}
	return nil
}

// fingerprintOf adds to that of the policy's text what else the agent was told.
func (e *Engine) fingerprintOf(p *policy.Policy) Fingerprint {
	if e.cfg.Devices == nil {
		return p.Fingerprint
	}
	return sha256.Sum256(fmt.Append(p.Fingerprint[:], strings.Join(e.cfg.Devices, "\x00")))
}

// Apply reads the policy again and puts it in force, on trial if it asks for that. If
// that fails, the one before still is.
func (e *Engine) Apply(o Order) error {
	cfg := e.cfg
	cfg.AcceptLockout = cfg.AcceptLockout || o.AcceptLockout
	p, operator, err := e.load(cfg, o.Operator)
	if err == nil {
		err = e.apply(p, operator)
	}
	e.mu.Lock()
	e.failed = err != nil
	e.mu.Unlock()
	return err
}

func (e *Engine) apply(p *policy.Policy, operator []host.Connection) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.running(); err != nil {
		return err
	}
	e.bans.remember(operator)
	return e.change(p, operator, deadlineIn, p.Life.ConfirmWithin)
}

// Detach takes Guarder off all devices and removes the pinned state; the counters
// with it. The engine cannot be used after.
func (e *Engine) Detach() error {
	e.Close()
	_, err := Detach(e.cfg.Dir)
	return err
}

// Close ends the agent. The policy stays in force. One on trial stays too, until its
// time is over: then the kernel itself goes back to what was before.
func (e *Engine) Close() {
	e.mu.Lock()
	if e.running() != nil {
		e.mu.Unlock()
		return
	}
	close(e.stop)
	e.bans.close(e.logger)
	e.mu.Unlock()
	e.done.Wait()
	e.mu.Lock()
	defer e.mu.Unlock()
	e.before.close()
	e.current.close()
	if err := e.sampler.close(); err != nil {
		e.logger.Error("close samples", "err", err)
	}
	e.store.Close()
	e.home.file.Close()
}

// ErrDetached is returned by an engine that has been detached or closed.
var ErrDetached = errors.New("guarder has been detached; start the agent again")

// running tells whether the engine has not been closed; the lock is held.
func (e *Engine) running() error {
	select {
	case <-e.stop:
		return ErrDetached
	default:
		return nil
	}
}

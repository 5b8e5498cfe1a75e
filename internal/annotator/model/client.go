package model

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/openai/openai-go/v3"
)

const (
	// defaultLearn is how long quirks are kept: servers are upgraded.
	defaultLearn = 6 * time.Hour
	dialTimeout  = 10 * time.Second
)

// Config is what a Client works with.
type Config struct {
	// Providers are asked in this order. None is no error: then Complete has nobody to ask.
	Providers []Provider
	Budget    Budget
	Breaker   Breaker
	// Learn is how long quirks are kept. If zero it is 6 hours.
	Learn time.Duration
	// Keeper keeps what must outlive the process. If nil nothing does.
	Keeper Keeper
	// Cache keeps answers. If nil there is none.
	Cache Cache
	// Dial opens connections. If nil it is that of a [net.Dialer].
	Dial   func(ctx context.Context, network, address string) (net.Conn, error)
	Logger *slog.Logger
}

// Check returns all that is wrong with the configuration, each with its cure.
func (c Config) Check() error {
	var faults []error
	names := map[string]bool{}
	for _, p := range c.Providers {
		faults = append(faults, p.Check())
		if p.Name != "" && names[p.Name] {
			faults = append(faults, fmt.Errorf("provider %q is there twice: rename one", p.Name))
		}
		names[p.Name] = true
	}
	if c.Budget.CallsPerMinute < 0 || c.Budget.TokensPerDay < 0 {
		faults = append(faults, errors.New("budget: calls and tokens cannot be negative"))
	}
	if share := c.Budget.ReserveCritical; !(share >= 0 && share < 1) {
		faults = append(faults, fmt.Errorf("budget: the reserve for critical alerts is %v, and must be at least 0 and less than 1", share))
	}
	if c.Breaker.Failures < 0 || c.Breaker.Open < 0 || c.Breaker.AuthOpen < 0 || c.Learn < 0 {
		faults = append(faults, errors.New("breaker: failures and times cannot be negative"))
	}
	return errors.Join(faults...)
}

// A Client asks models. It holds no connection between requests, so it needs no end.
type Client struct {
	providers []*provider
	ledger    *ledger
	memory    *memory
	cache     Cache
	logger    *slog.Logger
}

type provider struct {
	Provider
	chat openai.ChatCompletionService
	gate gate
}

// New returns a Client that goes on where the Keeper says. The error names all faults of
// the configuration, or is the Keeper's.
func New(config Config) (*Client, error) {
	if err := config.Check(); err != nil {
		return nil, err
	}
	if config.Learn == 0 {
		config.Learn = defaultLearn
	}
	if config.Dial == nil {
		config.Dial = (&net.Dialer{Timeout: dialTimeout}).DialContext
	}
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	c := &Client{
		ledger: &ledger{config: config.Budget},
		memory: &memory{keeper: config.Keeper, learn: config.Learn, quirks: map[string]Learned{}, begun: map[string]Learned{}},
		cache:  config.Cache,
		logger: config.Logger,
	}
	for _, p := range config.Providers {
		p = p.withDefaults()
		chat, err := p.service(config.Dial)
		if err != nil {
			return nil, err
		}
		c.providers = append(c.providers, &provider{
			Provider: p,
			chat:     chat,
			gate:     gate{config: config.Breaker.withDefaults()},
		})
	}
	if err := c.restore(); err != nil {
		return nil, err
	}
	return c, nil
}

// Complete asks the providers in order, and returns the first answer that the request's Check
// accepts. A provider that fails or may not be asked leaves it to the next; what a model
// said is final, also when it is of no use. It takes at most the sum of the providers'
// timeouts, and no longer than ctx.
//
// The error is an [*Error], but for a request that cannot be asked, and for a ctx that was
// cancelled.
func (c *Client) Complete(ctx context.Context, request Request) (Result, error) {
	if err := request.validate(); err != nil {
		return Result{}, err
	}
	if result, ok := c.cached(request); ok {
		return result, nil
	}
	round := round{client: c, request: request}
	for _, p := range c.providers {
		answer, done := round.ask(ctx, p)
		if answer != nil {
			c.remember(p, request, answer)
			return round.result(p, answer), nil
		}
		if errors.Is(ctx.Err(), context.Canceled) {
			return Result{}, fmt.Errorf("ask model: %w", ctx.Err())
		}
		if done || ctx.Err() != nil {
			break
		}
	}
	return Result{}, round.failure()
}

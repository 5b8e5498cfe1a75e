package exporter

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/packetscope/packetscope/internal/annotator/explain/evidence"
	"github.com/packetscope/packetscope/internal/annotator/explain/propose"
	"github.com/packetscope/packetscope/internal/annotator/remote"
)

// Options say which exporter to ask about an instance.
type Options struct {
	remote.Options
	// Instance is the value of the label of alerts that this exporter is asked about.
	Instance string
	// Top is how many sources are asked for; 0 means 20.
	Top int
}

// Interval is the time that rates of sources are over: the exporter looks twice. Timeouts
// must leave room for it.
const Interval = time.Second

const (
	// mostAnswer is the size of an answer, in bytes: more than mostFlows flows of 500.
	mostAnswer = 1 << 20
	// mostFlows is how many flows are asked for. Of more than that not all would be known.
	mostFlows = 1000
)

// Exporters are all that may be asked.
type Exporters struct {
	byInstance map[string]*one
	instances  []string
}

type one struct {
	remote *remote.Client
	top    int
}

// New checks the options; it asks nobody. The error joins all faults.
func New(all []Options) (*Exporters, error) {
	e := &Exporters{byInstance: map[string]*one{}}
	var faults []error
	for _, o := range all {
		o.Most = cmp.Or(o.Most, mostAnswer)
		client, err := remote.New(o.Options)
		switch {
		case err != nil:
		case o.Instance == "":
			err = errors.New("it is of no instance")
		case e.byInstance[o.Instance] != nil:
			err = errors.New("the instance has two exporters")
		}
		if err != nil {
			faults = append(faults, fmt.Errorf("exporter of %q: %w", o.Instance, err))
			continue
		}
		e.byInstance[o.Instance] = &one{client, cmp.Or(o.Top, 20)}
		e.instances = append(e.instances, o.Instance)
	}
	return e, errors.Join(faults...)
}

// Instances returns those that there is an exporter for, in the order of the options.
func (e *Exporters) Instances() []string { return slices.Clone(e.instances) }

// Offenders returns whom rules of Guarder hit on an instance. The error wraps
// [evidence.ErrUnlisted] if no exporter is known for it, [evidence.ErrOff] if the exporter
// does not tell it, else a *[remote.Error].
func (e *Exporters) Offenders(ctx context.Context, instance string) (evidence.Offenders, error) {
	x := e.byInstance[instance]
	if x == nil {
		return evidence.Offenders{}, evidence.ErrUnlisted
	}
	return x.offenders(ctx, Interval)
}

func (x *one) offenders(ctx context.Context, interval time.Duration) (evidence.Offenders, error) {
	var a topAnswer
	query := url.Values{"top": {strconv.Itoa(x.top)}, "interval": {interval.String()}}
	if err := x.get(ctx, "/api/v1/guarder/top", query, &a); err != nil {
		return evidence.Offenders{}, fmt.Errorf("ask exporter for sources: %w", err)
	}
	out, err := a.offenders(x.top)
	if err != nil {
		return evidence.Offenders{}, fmt.Errorf("ask exporter for sources: %w", invalid(err))
	}
	return out, nil
}

// Flows returns what an instance and some networks have sent each other, all of it. Errors
// are as those of Offenders; one of class [remote.TooLarge] tells of more flows than can be
// looked at.
func (e *Exporters) Flows(ctx context.Context, instance string, with []netip.Prefix) ([]propose.Flow, error) {
	x := e.byInstance[instance]
	if x == nil {
		return nil, evidence.ErrUnlisted
	}
	query := url.Values{"sort": {"packets"}, "top": {strconv.Itoa(mostFlows)}}
	for _, p := range with {
		query.Add("remote", p.String())
	}
	var a flowAnswer
	if err := x.get(ctx, "/api/v1/flows", query, &a); err != nil {
		return nil, fmt.Errorf("ask exporter for flows: %w", err)
	}
	flows, err := a.flows()
	switch {
	case err != nil:
		return nil, fmt.Errorf("ask exporter for flows: %w", invalid(err))
	case len(a.Flows) >= mostFlows:
		// Also of an exporter that is older than the parameter remote.
		return nil, fmt.Errorf("ask exporter for flows: %w", &remote.Error{Class: remote.TooLarge, Err: fmt.Errorf("there are %d flows or more", mostFlows)})
	}
	return flows, nil
}

// Check asks an instance for everything that is asked in earnest. The error says what is
// missing, and what to do.
func (e *Exporters) Check(ctx context.Context, instance string) error {
	x := e.byInstance[instance]
	if x == nil {
		return evidence.ErrUnlisted
	}
	_, top := x.offenders(ctx, 0)
	if errors.Is(top, evidence.ErrOff) {
		top = fmt.Errorf("%w: set guarder: {api: true} in the exporter's config", top)
	}
	_, flows := e.Flows(ctx, instance, []netip.Prefix{netip.MustParsePrefix("192.0.2.1/32")})
	if errors.Is(flows, evidence.ErrOff) {
		flows = fmt.Errorf("%w: set flows: {api: true} in the exporter's config, or no rule that drops can be proposed", flows)
	}
	return errors.Join(top, flows)
}

// get reads an answer in JSON.
func (x *one) get(ctx context.Context, path string, query url.Values, into any) error {
	answer, err := x.remote.Get(ctx, path, query)
	if failed := (*remote.Error)(nil); errors.As(err, &failed) && failed.Status == 404 {
		return evidence.ErrOff
	}
	if err != nil {
		return err
	}
	if err := json.Unmarshal(answer.Body, into); err != nil {
		return invalid(errors.New("the answer is no JSON of the exporter: is this its URL?"))
	}
	return nil
}

func invalid(err error) error { return &remote.Error{Class: remote.Invalid, Err: err} }

package collector

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/packetscope/packetscope/collector/metric"
)

// An AnnotatorReader is an annotator. Its types are plain, as its packages ask models and
// this one belongs to a process with privileges, too.
type AnnotatorReader interface {
	// Annotator may be called from several goroutines.
	Annotator() (Annotator, error)
}

// An Annotator is what an annotator has counted since Since, and what it has at At. Keys are
// label values, in the order of the labels of the metric. Those that are in a closed set of
// values need not be there if they are 0.
type Annotator struct {
	Since, At time.Time

	Requests              map[int]uint64 // by the code
	RequestSeconds        metric.Observations
	Alerts                map[string]uint64
	Truncated, Duplicates uint64
	Inbox                 Waiting
	InboxBytes            int64
	FileBytes, FreeBytes  int64
	Reconciled            map[string]uint64
	Open, Closed          int
	Storm                 bool

	Jobs         map[[2]string]uint64           // by the stage and the result
	JobSeconds   map[string]metric.Observations // by the stage
	PendingJobs  int
	FirstSeconds metric.Observations
	Queries      map[[2]string]uint64 // by the query, and "ok" or why it is not known
	FactsSeconds metric.Observations
	Explanations map[[3]string]uint64 // by the author, the verdict and the confidence
	Withheld     uint64
	Suspected    map[string]uint64
	Feedback     map[bool]uint64 // by whether it was useful

	Providers  []AnnotatorProvider
	Skipped    map[string]uint64
	Rejections map[string]uint64
	Cache      map[string]uint64
	TokensLeft *int64 // nil if there is no limit

	Suggestions, SuggestionRejections map[string]uint64
	Sinks                             []AnnotatorSink
	Dead                              map[string]int
}

// A Waiting is how much waits, and since when: zero if nothing does.
type Waiting struct {
	Count  int
	Oldest time.Time
}

// An AnnotatorProvider is one that models are asked of.
type AnnotatorProvider struct {
	Name, Mode                     string
	Broken                         bool
	Requests                       map[string]uint64 // by the class
	Seconds                        metric.Observations
	PromptTokens, CompletionTokens uint64
	Cost                           float64
}

// An AnnotatorSink is where explanations go.
type AnnotatorSink struct {
	Name          string
	Requests      map[string]uint64 // by the class
	Outbox        Waiting
	Paused, Unfit bool
}

// NewAnnotator returns the collector "annotator".
func NewAnnotator(reader AnnotatorReader) Collector { return annotatorCollector{reader} }

type annotatorCollector struct{ reader AnnotatorReader }

// Name implements Collector.
func (annotatorCollector) Name() string { return metric.CollectorAnnotator }

// Update implements Collector.
func (c annotatorCollector) Update(ch chan<- prometheus.Metric) error {
	a, err := c.reader.Annotator()
	if err != nil {
		return err
	}
	s := annotatorSender{a.Since, a.At, ch}
	s.sendInbox(&a)
	s.sendWork(&a)
	s.sendModels(&a)
	s.sendSinks(&a)
	return nil
}

// annotatorSender sends metrics of one scrape.
type annotatorSender struct {
	since, at time.Time
	ch        chan<- prometheus.Metric
}

// count sends a counter.
func (s annotatorSender) count(f *metric.Family, n uint64, labels ...string) {
	s.ch <- f.Counter(float64(n), s.since, labels...)
}

func (s annotatorSender) gauge(f *metric.Family, v float64, labels ...string) {
	s.ch <- f.Gauge(v, labels...)
}

// times sends a histogram, of nothing if there are no observations.
func (s annotatorSender) times(f *metric.Family, o metric.Observations, labels ...string) {
	if o.Counts == nil {
		o.Counts = make([]uint64, f.Scale.Slots)
	}
	s.ch <- f.Histogram(o, s.since, labels...)
}

// age sends for how long the oldest has waited. Clocks that were set back make that 0.
func (s annotatorSender) age(f *metric.Family, w Waiting, labels ...string) {
	age := time.Duration(0)
	if !w.Oldest.IsZero() {
		age = max(0, s.at.Sub(w.Oldest))
	}
	s.gauge(f, age.Seconds(), labels...)
}

// sorts sends a counter for each value of its last label, also for those of the closed set
// that did not occur yet: their rate begins at 0 then.
func (s annotatorSender) sorts(f *metric.Family, counts map[string]uint64, before ...string) {
	seen := make(map[string]bool)
	send := func(value string) {
		if !seen[value] {
			seen[value] = true
			s.count(f, counts[value], append(before[:len(before):len(before)], value)...)
		}
	}
	for _, value := range annotatorValues[f][len(before)] {
		send(value)
	}
	for value := range counts {
		send(value)
	}
}

func (s annotatorSender) sendInbox(a *Annotator) {
	codes := make(map[string]uint64)
	for code, n := range a.Requests {
		codes[strconv.Itoa(code)] = n
	}
	s.sorts(metric.AnnotatorRequests, codes)
	s.times(metric.AnnotatorRequestDuration, a.RequestSeconds)
	s.sorts(metric.AnnotatorAlerts, a.Alerts)
	s.count(metric.AnnotatorTruncated, a.Truncated)
	s.count(metric.AnnotatorDuplicates, a.Duplicates)
	s.gauge(metric.AnnotatorInboxDepth, float64(a.Inbox.Count))
	s.age(metric.AnnotatorInboxOldest, a.Inbox)
	s.gauge(metric.AnnotatorInboxBytes, float64(a.InboxBytes))
	s.gauge(metric.AnnotatorStoreBytes, float64(a.FileBytes))
	s.gauge(metric.AnnotatorStoreFree, float64(a.FreeBytes))
	s.sorts(metric.AnnotatorReconciled, a.Reconciled)
	s.gauge(metric.AnnotatorEpisodes, float64(a.Open), "open")
	s.gauge(metric.AnnotatorEpisodes, float64(a.Closed), "closed")
	s.gauge(metric.AnnotatorStorm, oneIf(a.Storm))
}

func (s annotatorSender) sendWork(a *Annotator) {
	jobs := make(map[string]map[string]uint64)
	for key, n := range a.Jobs {
		if jobs[key[0]] == nil {
			jobs[key[0]] = make(map[string]uint64)
		}
		jobs[key[0]][key[1]] = n
	}
	for _, stage := range annotatorValues[metric.AnnotatorJobs][0] {
		s.sorts(metric.AnnotatorJobs, jobs[stage], stage)
		s.times(metric.AnnotatorJobDuration, a.JobSeconds[stage], stage)
	}
	s.gauge(metric.AnnotatorPendingJobs, float64(a.PendingJobs))
	s.times(metric.AnnotatorFirst, a.FirstSeconds)
	results, missing := make(map[string]uint64), make(map[string]uint64)
	for key, n := range a.Queries {
		results[key[1]] += n
		if key[1] != "ok" {
			missing[key[0]] += n
		}
	}
	s.sorts(metric.AnnotatorQueries, results)
	s.sorts(metric.AnnotatorMissing, missing)
	s.times(metric.AnnotatorFactsDuration, a.FactsSeconds)
	for key, n := range a.Explanations {
		s.count(metric.AnnotatorExplanations, n, key[:]...)
	}
	s.count(metric.AnnotatorWithheld, a.Withheld)
	s.sorts(metric.AnnotatorSuspected, a.Suspected)
	s.count(metric.AnnotatorFeedback, a.Feedback[true], "true")
	s.count(metric.AnnotatorFeedback, a.Feedback[false], "false")
}

func (s annotatorSender) sendModels(a *Annotator) {
	for _, p := range a.Providers {
		s.sorts(metric.AnnotatorLLMRequests, p.Requests, p.Name)
		s.times(metric.AnnotatorLLMDuration, p.Seconds, p.Name)
		s.count(metric.AnnotatorLLMTokens, p.PromptTokens, p.Name, "prompt")
		s.count(metric.AnnotatorLLMTokens, p.CompletionTokens, p.Name, "completion")
		s.ch <- metric.AnnotatorLLMCost.Counter(p.Cost, s.since, p.Name)
		s.gauge(metric.AnnotatorLLMBreaker, oneIf(p.Broken), p.Name)
		for _, mode := range annotatorValues[metric.AnnotatorLLMMode][1] {
			s.gauge(metric.AnnotatorLLMMode, oneIf(mode == p.Mode), p.Name, mode)
		}
	}
	s.sorts(metric.AnnotatorLLMSkipped, a.Skipped)
	s.sorts(metric.AnnotatorLLMRejections, a.Rejections)
	s.sorts(metric.AnnotatorCache, a.Cache)
	if a.TokensLeft != nil {
		s.gauge(metric.AnnotatorTokensLeft, float64(*a.TokensLeft))
	}
}

func (s annotatorSender) sendSinks(a *Annotator) {
	s.sorts(metric.AnnotatorSuggestions, a.Suggestions)
	s.sorts(metric.AnnotatorSuggestionRejections, a.SuggestionRejections)
	for _, k := range a.Sinks {
		s.sorts(metric.AnnotatorSinkRequests, k.Requests, k.Name)
		s.gauge(metric.AnnotatorOutboxDepth, float64(k.Outbox.Count), k.Name)
		s.age(metric.AnnotatorOutboxOldest, k.Outbox, k.Name)
		s.gauge(metric.AnnotatorSinkPaused, oneIf(k.Paused), k.Name)
		s.gauge(metric.AnnotatorSinkUnfit, oneIf(k.Unfit), k.Name)
	}
	for _, kind := range annotatorValues[metric.AnnotatorDead][0] {
		s.gauge(metric.AnnotatorDead, float64(a.Dead[kind]), kind)
	}
}

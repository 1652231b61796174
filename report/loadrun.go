package report

// Connection modes of a load: how long a connection lives.
const (
	ConnectionsKeepAlive   = "keep-alive"   // shared by all iterations
	ConnectionsPerUser     = "per-user"     // a new one for every iteration
	ConnectionsPerCeremony = "per-ceremony" // a new one for every operation
)

// Models of load.
const (
	LoadOpen   = "open"   // arrivals by the clock
	LoadClosed = "closed" // virtual users in a loop
)

// Metrics of a load besides those of its operations.
const (
	MetricIteration = "iteration.total" // of iterations with every step as expected, from the intended start
	MetricLag       = "generator.lag"   // from the intended start to the start
	MetricFailed    = "load.failed"     // counts iterations with a step not as expected
	MetricCensored  = "load.censored"   // counts iterations that were still under way at the end
)

// Parts of an operation's metrics, as in "login.total", or "checkout.login.total" for an operation of a journey with a
// name. PhaseTotal counts from the intended start, and like the other phases only what was accepted and expected.
const (
	PartAll      = "all"      // durations of every outcome; of a timeout at least the timeout
	PartAccepted = "accepted" // counts
	PartFailed   = "failed"   // counts what did not end as expected
)

// DefaultLoadThreshold is judged when a load has no limit on [MetricFailed], or on the failures of every operation, of
// its own.
const DefaultLoadThreshold = MetricFailed + ".rate < 1%"

// LoadRun is what a load was and how it was answered. Durations of ceremonies are in [Run.Metrics], counted from the
// intended start of each.
type LoadRun struct {
	Model       string        `json:"model" redact:"-"`       // LoadOpen or LoadClosed
	Connections string        `json:"connections" redact:"-"` // ConnectionsKeepAlive, …
	Transport   string        `json:"transport" redact:"-"`   // such as "HTTP/1.1" or "HTTP/2, TLS 1.3"
	Signing     string        `json:"signing" redact:"-"`     // such as "ES256, pooled nonces"
	Users       LoadUsers     `json:"users"`
	Segment     string        `json:"segment,omitempty" redact:"-"` // "2/4": the second of four parts of the load
	Phases      []LoadPhase   `json:"phases"`                       // in the order they ran
	Counts      LoadCounts    `json:"counts"`                       // of the measured phases
	Outcomes    []LoadOutcome `json:"outcomes"`                     // of the measured phases, by journey, operation and class
	Series      []LoadSecond  `json:"series"`                       // one for every second, all phases
	Generator   LoadGenerator `json:"generator"`
	Limit       *LoadLimit    `json:"limit,omitempty"` // when it was searched for
}

// LoadUsers says who took part.
type LoadUsers struct {
	Count  int64  `json:"count"`
	Source string `json:"source" redact:"-"` // "derived" or "imported"
	// Enrolled were registered by this run, Reused by an earlier one.
	Enrolled int64 `json:"enrolled,omitempty"`
	Reused   int64 `json:"reused,omitempty"`
}

// LoadPhase is a stretch of the load.
type LoadPhase struct {
	Name       string     `json:"name" redact:"-"` // "prepare", "warm-up", "ramp", "hold", "stage 2", "probe 3", "drain"
	StartMS    float64    `json:"startMs"`         // since Run.Started
	DurationMS float64    `json:"durationMs"`
	FromRate   float64    `json:"fromRate,omitempty"` // iterations per second asked for at its beginning
	ToRate     float64    `json:"toRate,omitempty"`   // and at its end
	VUs        int        `json:"vus,omitempty"`      // of a closed model
	Measured   bool       `json:"measured"`           // whether its samples count
	Counts     LoadCounts `json:"counts"`             // of the iterations due in it, whenever they ended
	Done       int64      `json:"done,omitempty"`     // iterations that finished as expected while it lasted, whenever they were due
}

// LoadCounts count iterations. Started is always Finished + Failed + Censored.
type LoadCounts struct {
	Scheduled int64 `json:"scheduled"` // arrivals that were due; of a closed model, Started
	Started   int64 `json:"started"`
	Finished  int64 `json:"finished"` // with every step as expected
	Failed    int64 `json:"failed"`   // with a step not as expected
	Censored  int64 `json:"censored"` // still under way when the run ended
}

// LoadOutcome counts how operations ended.
type LoadOutcome struct {
	Journey   string `json:"journey,omitempty" redact:"-"` // empty when there is one without a name
	Operation string `json:"operation" redact:"-"`         // "login", …
	// Class is "accepted", "rejected", "refused" (by the client), or what went wrong: "timeout", "unreachable",
	// "closed", "tls", "throttled", "server-error", "unexpected", "exhausted" (ports or file descriptors here), …
	Class    string  `json:"class" redact:"-"`
	Expected bool    `json:"expected"`
	Count    int64   `json:"count"`
	P50      float64 `json:"p50"` // nanoseconds, from the intended start
	P99      float64 `json:"p99"`
	Example  string  `json:"example,omitempty"` // a sentence about the first of them that was not expected
}

// LoadSecond is one second of the load. Times are nanoseconds from the intended start, of what ended in it.
type LoadSecond struct {
	Second   int     `json:"second"` // since Run.Started
	Asked    int64   `json:"asked"`  // iterations due in it
	Started  int64   `json:"started"`
	Finished int64   `json:"finished"`
	Failed   int64   `json:"failed"`
	InFlight int64   `json:"inFlight"` // at its end
	P50      float64 `json:"p50,omitempty"`
	P90      float64 `json:"p90,omitempty"`
	P99      float64 `json:"p99,omitempty"`
	Max      float64 `json:"max,omitempty"`
	LagP99   float64 `json:"lagP99,omitempty"`  // of the generator
	Options  float64 `json:"options,omitempty"` // mean of each phase
	Client   float64 `json:"client,omitempty"`
	Result   float64 `json:"result,omitempty"`
}

// LoadGenerator is how the generator of the load itself did.
type LoadGenerator struct {
	// Limited says in one sentence why the figures are the generator's and not the relying party's; empty when it kept
	// up. No latency may be claimed then.
	Limited    string  `json:"limited,omitempty"`
	LagP50     float64 `json:"lagP50"` // nanoseconds from the intended start to the start
	LagP99     float64 `json:"lagP99"`
	LagMax     float64 `json:"lagMax"`
	Workers    int     `json:"workers"`    // most iterations at a time
	CPUSeconds float64 `json:"cpuSeconds"` // of this process, in the measured phases
	PeakRSS    int64   `json:"peakRss"`    // bytes
}

// LoadLimit is the result of the search for the highest rate that keeps the thresholds.
type LoadLimit struct {
	Rate    float64     `json:"rate"`              // iterations per second; 0 when none was kept
	Bounded string      `json:"bounded,omitempty"` // in one sentence: what stopped the next higher rate, or the search
	Points  []LoadPoint `json:"points"`            // in the order they were tried
}

// LoadPoint is one rate that was tried.
type LoadPoint struct {
	Rate       float64 `json:"rate"`     // iterations per second asked for
	Achieved   float64 `json:"achieved"` // and finished
	P50        float64 `json:"p50"`
	P95        float64 `json:"p95"`
	P99        float64 `json:"p99"`
	FailedRate float64 `json:"failedRate"` // share of iterations, 0 to 1
	LagP99     float64 `json:"lagP99"`
	Verdict    Verdict `json:"verdict"` // pass: the thresholds are kept; error: it could not be told
	Message    string  `json:"message,omitempty"`
}

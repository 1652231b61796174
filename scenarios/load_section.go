package scenarios

// LoadSpec makes the scenario a load: every iteration is one user's pass through the steps of a journey. How many
// arrive, and when, is exactly one of arrival, concurrency and find-limit.
type LoadSpec struct {
	Pos         Pos                `yaml:"-"`
	Users       *LoadUsers         `yaml:"users,required" doc:"Who takes part: how many users, each with a passkey of their own."`
	Prepare     *LoadPrepare       `yaml:"prepare" doc:"What is done for every user before the load begins, with figures of its own. Default: nothing, the users have their passkeys already."`
	Arrival     *Arrival           `yaml:"arrival" action:"model of load" doc:"Open model: iterations begin by the clock, whether the earlier ones have ended or not."`
	Concurrency *Concurrency       `yaml:"concurrency" action:"model of load" doc:"Closed model: some users go on in a loop, each beginning when its last iteration has ended. A slow relying party is asked less often then, so its figures look better than they are."`
	FindLimit   *FindLimit         `yaml:"find-limit" action:"model of load" doc:"Search for the highest rate of an open model that keeps the thresholds."`
	WarmUp      Duration           `yaml:"warm-up" doc:"Time at the rate that is measured next, or with its users, that is played and not counted. Default: none."`
	Journeys    map[string]Journey `yaml:"journeys" names:"metric" doc:"What users do, by name. Default: the steps of the file are the one journey."`
	Connections string             `yaml:"connections" enum:"keep-alive,per-user,per-ceremony" doc:"How long a connection lives: shared by all iterations, a new one for every iteration, or a new one for every operation. Default: keep-alive."`
	HTTP        string             `yaml:"http" enum:"1.1,2" doc:"The version of HTTP. Default: 1.1."`
	TLS         *LoadTLS           `yaml:"tls" doc:"How connections are secured, where they are."`
	MaxInFlight Int                `yaml:"max-in-flight" min:"1" max:"1000000" doc:"Most iterations at a time. What is due waits beyond that, and the wait counts. Default: 1000."`
	Timeout     Duration           `yaml:"timeout" doc:"How long an operation may take. Default: 10s."`
	Drain       Duration           `yaml:"drain" doc:"How long what is under way at the end is waited for. Default: 30s."`
	Signing     string             `yaml:"signing" enum:"pool,fresh" doc:"Where the ES256 signatures of derived users take their nonces from: a pool made beforehand, each used once, or made for each signature. Default: pool."`
}

// LoadUsers are the users of a load. As a scalar it is their number. Their passkeys are like those of the file's
// account: its provider says which flags, counter and transports they have.
type LoadUsers struct {
	Pos        Pos            `yaml:"-"`
	Count      Int            `yaml:"count,required" scalar:"true" min:"1" max:"1000000000" doc:"How many. They are derived from the seed, and not stored."`
	Import     string         `yaml:"import" alone:"count" doc:"A file of users that are registered already, one as JSON in each line, relative to this file. count then takes only the first so many."`
	Algorithms map[string]Int `yaml:"algorithms" keys:"ES256,EdDSA,RS256" min:"0" max:"1000000" doc:"Algorithms of their passkeys, with the weight of each. Default: ES256 only."`
	Prefix     string         `yaml:"prefix" pattern:"^[a-z0-9][a-z0-9-]{0,31}$" doc:"What their usernames begin with. Default: load-."`
}

// LoadPrepare is what is done for every user before the load. As a scalar it is the operation.
type LoadPrepare struct {
	Pos   Pos    `yaml:"-"`
	With  string `yaml:"with,required" scalar:"true" enum:"register" doc:"The operation. register also signs the user up, where the adapter has a sign-up of its own."`
	VUs   Int    `yaml:"vus" min:"1" max:"100000" doc:"How many at a time. Default: 16."`
	State string `yaml:"state" doc:"A file that keeps who is registered, relative to this file, so that another run goes on from there. Without it every run registers everybody."`
}

// Arrival is an open model of load.
type Arrival struct {
	Pos     Pos      `yaml:"-"`
	Rate    Rate     `yaml:"rate,required" doc:"Iterations that begin in a time. With stages, the rate they begin from; default 0."`
	Ramp    Duration `yaml:"ramp" doc:"Time in which the rate is reached, in a straight line from 0. It is not counted. Default: none."`
	Hold    Duration `yaml:"hold,required" doc:"How long the rate is kept and measured."`
	Stages  []Stage  `yaml:"stages" alone:"rate,pattern" doc:"Instead of ramp and hold: rates to reach one after the other, all of them measured."`
	Pattern string   `yaml:"pattern" enum:"uniform,poisson" doc:"uniform: at equal distances. poisson: at random ones, as people arrive who know nothing of each other. Default: uniform."`
}

// Stage is a stretch of an open model in which the rate goes from that of the stage before to another.
type Stage struct {
	Pos Pos      `yaml:"-"`
	To  Rate     `yaml:"to,required" doc:"The rate at its end, reached in a straight line."`
	For Duration `yaml:"for,required" doc:"How long it takes. 0s is a jump."`
}

// Concurrency is a closed model of load. It ends with for or with iterations, whichever comes first.
type Concurrency struct {
	Pos        Pos      `yaml:"-"`
	VUs        Int      `yaml:"vus,required" min:"1" max:"1000000" doc:"How many users are at it at a time."`
	For        Duration `yaml:"for" either:"true" doc:"How long."`
	Iterations Int      `yaml:"iterations" either:"true" min:"1" doc:"How many iterations, of all together."`
}

// FindLimit is the search for the highest rate that the target bears: by steps that double, then by halving what is
// left. A rate is kept when every threshold is, and the generator keeps up.
type FindLimit struct {
	Pos       Pos      `yaml:"-"`
	From      Rate     `yaml:"from" doc:"The rate that is tried first. Default: 50/s."`
	To        Rate     `yaml:"to" doc:"The highest rate that is tried. Default: 20000/s."`
	Hold      Duration `yaml:"hold" doc:"How long each rate is kept. Default: 10s."`
	Precision Share    `yaml:"precision" doc:"How near to the limit the search ends, as a share of it. Default: 5%."`
	Pattern   string   `yaml:"pattern" enum:"uniform,poisson" doc:"As for arrival. Default: uniform."`
}

// Journey is one of the things that users do.
type Journey struct {
	Pos    Pos    `yaml:"-"`
	Weight Int    `yaml:"weight" min:"0" max:"1000000" doc:"How often it is taken, next to the weights of the others. Default: 1."`
	Steps  []Step `yaml:"steps,required" doc:"What one iteration does, in order: signup, register, login, login-discoverable, whoami, logout, request, and wait for time to think."`
}

// LoadTLS is how the connections of a load are secured.
type LoadTLS struct {
	Pos        Pos      `yaml:"-"`
	Resumption *bool    `yaml:"resumption" doc:"Whether a new connection may resume the session of an earlier one, as a browser that comes back does. Default: true."`
	Curves     []string `yaml:"curves" enum:"X25519MLKEM768,X25519,P256,P384" doc:"Key exchanges that are offered, most wanted first. Default: those of a current browser."`
}

package report

// Matrix is how passkey providers fare at relying parties: a cell for each pair, and in it a verdict for each facet.
type Matrix struct {
	Providers []MatrixProvider `json:"providers"`                 // rows
	Parties   []MatrixParty    `json:"parties"`                   // columns
	Facets    []MatrixFacet    `json:"facets"`                    // what is looked at in every cell, in order
	Cells     []MatrixCell     `json:"cells"`                     // by provider, and within it by party; those not played are left out
	File      string           `json:"file,omitempty"`            // the lab
	Only      []string         `json:"only,omitempty" redact:"-"` // the flags by which a part of the lab was chosen: "--provider", "bitwarden"
	Jobs      int              `json:"jobs,omitempty"`            // cells at a time
	Resumed   int              `json:"resumed,omitempty"`         // cells taken from an interrupted run
}

// MatrixProvider is a row: a provider as its data describes it, with the devices that played it.
type MatrixProvider struct {
	ID      string   `json:"id" redact:"-"` // "microsoft-password-manager@152"
	Title   string   `json:"title"`         // "Microsoft Password Manager"
	Version string   `json:"version,omitempty"`
	Syncs   bool     `json:"syncs"`             // its passkeys travel to other devices
	Assumes string   `json:"assumes,omitempty"` // the assumption under which its data holds
	Devices []string `json:"devices,omitempty"` // what played it: "windows 11, edge 152"
	// Unverified are the members of its data that bear on what a relying party sees and that nobody has confirmed.
	Unverified []string `json:"unverified,omitempty"`
}

// MatrixParty is a column: a relying party, driven in one way.
type MatrixParty struct {
	ID      string  `json:"id" redact:"-"` // unique: "passport", "passport/browser"
	Title   string  `json:"title"`
	Target  Target  `json:"target"`
	Driver  string  `json:"driver" redact:"-"`
	Browser string  `json:"browser,omitempty"` // its name and version
	Asks    []Asked `json:"asks,omitempty"`    // what its options ask of an authenticator, as the cells saw them
	Problem string  `json:"problem,omitempty"` // why nothing could be told of it, in one sentence
	Hint    string  `json:"hint,omitempty"`
}

// Asked is one thing that a relying party's options ask for: "algorithms": "ES256, RS256".
type Asked struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// MatrixFacet is a question that is put to every pair: a scenario.
type MatrixFacet struct {
	ID          string `json:"id" redact:"-"` // "login", "roam", "counters"
	Title       string `json:"title"`         // its scenario's name
	Description string `json:"description,omitempty"`
	File        string `json:"file"`
}

// MatrixCell is a provider at a relying party.
type MatrixCell struct {
	Provider   string         `json:"provider" redact:"-"` // MatrixProvider.ID
	Party      string         `json:"party" redact:"-"`    // MatrixParty.ID
	Seed       uint64         `json:"seed"`                // names and keys were made from it
	StartMS    float64        `json:"startMs"`             // since Run.Started
	DurationMS float64        `json:"durationMs"`
	Facets     []MatrixResult `json:"facets"` // in the order of Matrix.Facets
}

// MatrixResult is what one facet came to in one cell.
type MatrixResult struct {
	Facet         string  `json:"facet" redact:"-"` // MatrixFacet.ID
	Verdict       Verdict `json:"verdict"`
	NotApplicable bool    `json:"notApplicable,omitempty"` // a skip, because the provider has nothing of the kind
	Reason        string  `json:"reason,omitempty"`        // one sentence: why, or what was seen
	Hint          string  `json:"hint,omitempty"`
	Expected      string  `json:"expected,omitempty"`
	Actual        string  `json:"actual,omitempty"`
	File          string  `json:"file,omitempty"` // of the step that decided
	Line          int     `json:"line,omitempty"`
	DurationMS    float64 `json:"durationMs"`
	// Steps are the evidence. Those that passed keep neither exchanges nor ceremonies.
	Steps []Step `json:"steps,omitempty"`
}

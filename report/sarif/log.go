package sarif

import "encoding/json"

// What follows is the part of the format that is in use here, in the order of SARIF 2.1.0 §3.13 and on.

type log struct {
	Schema  string `json:"$schema"`
	Version string `json:"version"`
	Runs    []run  `json:"runs"`
}

type run struct {
	Tool        tool                        `json:"tool"`
	Invocations []invocation                `json:"invocations"`
	Bases       map[string]artifactLocation `json:"originalUriBaseIds,omitempty"`
	Results     []result                    `json:"results"`
	ColumnKind  string                      `json:"columnKind"`
	Properties  runProperties               `json:"properties"`
}

type tool struct {
	Driver driver `json:"driver"`
}

type driver struct {
	Name           string       `json:"name"`
	Version        string       `json:"version,omitempty"`
	InformationURI string       `json:"informationUri"`
	Rules          []descriptor `json:"rules"`
	Notifications  []descriptor `json:"notifications"`
}

type descriptor struct {
	ID            string                `json:"id"`
	Short         text                  `json:"shortDescription"`
	Help          *text                 `json:"help,omitempty"`
	Configuration *configuration        `json:"defaultConfiguration,omitempty"`
	Properties    *descriptorProperties `json:"properties,omitempty"`
}

type configuration struct {
	Level string `json:"level"`
}

type descriptorProperties struct {
	Tags []string `json:"tags"`
	// Severity is a number from 0.1 to 10.0, as a string: what code scanning sorts alerts by.
	Severity string `json:"security-severity,omitempty"`
	Problem  string `json:"problem.severity,omitempty"`
}

type text struct {
	Text string `json:"text"`
}

type invocation struct {
	Successful    bool           `json:"executionSuccessful"`
	ExitCode      *int           `json:"exitCode,omitempty"`
	Start         string         `json:"startTimeUtc"`
	End           string         `json:"endTimeUtc"`
	Notifications []notification `json:"toolExecutionNotifications"`
}

type notification struct {
	Descriptor     reference  `json:"descriptor"`
	AssociatedRule *reference `json:"associatedRule,omitempty"`
	Level          string     `json:"level"`
	Message        text       `json:"message"`
	Locations      []location `json:"locations,omitempty"`
}

type reference struct {
	ID    string `json:"id"`
	Index int    `json:"index"`
}

type result struct {
	RuleID       string            `json:"ruleId"`
	RuleIndex    int               `json:"ruleIndex"`
	Kind         string            `json:"kind"`
	Level        string            `json:"level"`
	Message      text              `json:"message"`
	Locations    []location        `json:"locations"`
	Fingerprints map[string]string `json:"partialFingerprints"`
	Baseline     string            `json:"baselineState,omitempty"`
	Suppressions []suppression     `json:"suppressions,omitempty"`
	Properties   resultProperties  `json:"properties"`
}

type resultProperties struct {
	Verdict  string `json:"verdict"`
	Expected string `json:"expected,omitempty"`
	Actual   string `json:"actual,omitempty"`
	Hint     string `json:"hint,omitempty"`
}

type suppression struct {
	Kind          string `json:"kind"`
	Status        string `json:"status"`
	Justification string `json:"justification"`
}

type location struct {
	Physical *physicalLocation `json:"physicalLocation,omitempty"`
	Logical  []logicalLocation `json:"logicalLocations"`
}

type physicalLocation struct {
	Artifact artifactLocation `json:"artifactLocation"`
	Region   region           `json:"region"`
}

type artifactLocation struct {
	URI         string `json:"uri,omitempty"`
	Base        string `json:"uriBaseId,omitempty"`
	Description *text  `json:"description,omitempty"`
}

type region struct {
	StartLine int `json:"startLine"`
}

type logicalLocation struct {
	Name          string `json:"name"`
	QualifiedName string `json:"fullyQualifiedName"`
	Kind          string `json:"kind"`
}

type runProperties struct {
	Name    string      `json:"name,omitempty"`
	Driver  string      `json:"driver"`
	Origin  string      `json:"origin"`
	RPID    string      `json:"rpId,omitempty"`
	Seed    json.Number `json:"seed"` // of 64 bits, exactly
	Verdict string      `json:"verdict"`
	Partial bool        `json:"partial"`
	Summary any         `json:"summary"`
	Caveats []string    `json:"caveats,omitempty"`
	Fixed   []string    `json:"fixed,omitempty"` // known failures that did not fail any more
}

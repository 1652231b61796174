package fabric

import (
	"bytes"
	"fmt"
	"time"
)

// Delay is a [Distribution] as a file declares it: as measured in File or else, with a Median, log-normal, or else always
// Constant.
type Delay struct {
	Constant    time.Duration
	Median, P99 time.Duration
	File        string // path of a file for [ParseEmpirical]
}

// Distribution makes the distribution. read reads the file; a mistake in it is a [*SampleError].
func (d Delay) Distribution(read func(path string) ([]byte, error)) (Distribution, error) {
	switch {
	case d.Median > 0:
		return LogNormal(d.Median, d.P99), nil
	case d.File == "":
		return Constant(d.Constant), nil
	}
	text, err := read(d.File)
	if err != nil {
		return nil, err
	}
	measured, err := ParseEmpirical(bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", d.File, err)
	}
	return measured, nil
}

// Command promparse reads OpenMetrics text on standard input as Prometheus does: with its own parser of that format, and,
// since the textfile collector still reads the older text format, as promtool check metrics does. It ends with code 1 and
// says what is wrong, a line each.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"
)

func main() {
	text, err := io.ReadAll(os.Stdin)
	if err == nil {
		err = errors.Join(parse(text), lint(text))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// parse reads everything, and refuses what the parser lets through but Prometheus does not store: the same series twice.
func parse(text []byte) error {
	p := textparse.NewOpenMetricsParser(text, labels.NewSymbolTable())
	seen := map[string]bool{}
	for {
		entry, err := p.Next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("openmetrics: %w", err)
		}
		if entry != textparse.EntrySeries {
			continue
		}
		var series labels.Labels
		p.Labels(&series)
		if seen[series.String()] {
			return fmt.Errorf("openmetrics: the series %s is there twice", series)
		}
		seen[series.String()] = true
	}
}

// counters are the lines that name the family of a counter, which the older format names like its samples.
var counters = regexp.MustCompile(`(?m)^# TYPE (\S+) counter\n(?:# UNIT .*\n)?# HELP \S+ `)

func lint(text []byte) error {
	older := counters.ReplaceAll(text, []byte("# TYPE ${1}_total counter\n# HELP ${1}_total "))
	problems, err := promlint.New(bytes.NewReader(older)).Lint()
	if err != nil {
		return fmt.Errorf("text format: %w", err)
	}
	var lines []string
	for _, p := range problems {
		lines = append(lines, "lint: "+p.Metric+": "+p.Text)
	}
	if len(lines) > 0 {
		return errors.New(strings.Join(lines, "\n"))
	}
	return nil
}

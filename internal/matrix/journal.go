package matrix

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// journalSchema names the version of the journal's format.
const journalSchema = "passrig/matrix-journal/1"

// journalBegins is how every journal begins.
const journalBegins = `{"schema":"` + journalSchema

// JournalFile is a file that is read from its beginning and written at its end: an *os.File opened with O_APPEND.
type JournalFile interface {
	io.Reader
	io.Writer
	Truncate(size int64) error
}

// Journal is a file to which each cell is added as soon as it was played, one JSON object a line below a header. Whatever
// ends the program, even kill -9, no more is lost than the cells under way.
type Journal struct {
	file    JournalFile
	fresh   bool // there is no header yet
	header  journalHeader
	session int // how many runs began before this one
	records []record
}

// journalSession marks where a run goes on. What its cells make has other names than what was under way when the one
// before ended, and may be there by now.
type journalSession struct {
	Session int `json:"session"`
}

// journalHeader says what a journal belongs to.
type journalHeader struct {
	Schema string `json:"schema"`
	Lab    string `json:"lab"`  // [Lab.Sum]
	Name   string `json:"name"` // of the lab, for people
	Seed   uint64 `json:"seed"`
	Tool   string `json:"tool"` // its version
}

// ReadJournal reads what an interrupted run left in the file; an empty one is a new journal. A last line that was not
// written to its end is cut off.
func ReadJournal(file JournalFile) (*Journal, error) {
	j := &Journal{file: file, fresh: true}
	in := bufio.NewReader(file)
	var whole int64
	for {
		line, err := in.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			if begun := string(line[:min(len(line), len(journalBegins))]); j.fresh && !strings.HasPrefix(journalBegins, begun) {
				return nil, errNoJournal()
			}
			if len(line) > 0 {
				err = file.Truncate(whole)
			} else {
				err = nil
			}
			return j, err
		}
		if err != nil {
			return nil, err
		}
		if err := j.take(line); err != nil {
			return nil, err
		}
		whole += int64(len(line))
	}
}

func errNoJournal() error {
	return advise("--resume names a file that passrig itself makes: another name begins a new one", "it is not a matrix journal")
}

// take reads a line of the file.
func (j *Journal) take(line []byte) error {
	if j.fresh {
		if err := json.Unmarshal(line, &j.header); err != nil || j.header.Schema != journalSchema {
			return errNoJournal()
		}
		j.fresh = false
		return nil
	}
	var entry struct {
		record
		journalSession
	}
	if err := json.Unmarshal(line, &entry); err != nil {
		return advise("begin a new one under another name", "line %d of it cannot be read: %v", len(j.records)+j.session+2, err)
	}
	if entry.Session > 0 {
		j.session = entry.Session
		return nil
	}
	j.records = append(j.records, entry.record)
	return nil
}

// Seed is the seed of the run that the journal is of; false for a new journal.
func (j *Journal) Seed() (uint64, bool) { return j.header.Seed, !j.fresh }

// Begin says which lab the journal is for. It is an error if it is of another one, another seed or another version.
func (j *Journal) Begin(l *Lab) error {
	mine := journalHeader{Schema: journalSchema, Lab: l.Sum(), Name: l.Name(), Seed: l.cfg.Seed, Tool: l.cfg.Tool.Version}
	if j.fresh {
		j.header = mine
		return nil
	}
	switch was := j.header; {
	case was.Lab != mine.Lab:
		return advise("name another file to begin anew; to go on, give the same lab file, --param, --provider, --relying-party, --facet and --driver",
			"it is the journal of another lab, or of other parts of it: %q", was.Name)
	case was.Seed != mine.Seed:
		return advise("leave --seed out to go on", "it is the journal of a run with seed %d, not %d", was.Seed, mine.Seed)
	case was.Tool != mine.Tool:
		return advise("name another file to begin anew", "it is the journal of passrig %s, and this is %s: their cells may not mean the same", was.Tool, mine.Tool)
	}
	return nil
}

// start notes that a run begins, or goes on.
func (j *Journal) start() error {
	if j.fresh {
		j.fresh = false
		return j.write(j.header)
	}
	j.session++
	return j.write(journalSession{j.session})
}

// write adds a line.
func (j *Journal) write(entry any) error {
	line, err := json.Marshal(entry)
	if err == nil {
		_, err = j.file.Write(append(line, '\n')) // in one go: a line is there, or it is the last and cut off
	}
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	return nil
}

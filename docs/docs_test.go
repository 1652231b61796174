// Package docs_test keeps the documentation true: every file shown in it loads, every command exists,
// every link leads somewhere, the tutorial works, and the reference is what the code says.
package docs_test

import (
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/passrig/passrig/scenarios"
)

var update = flag.Bool("update", false, "rewrite the generated parts of the documents")

// block is a fenced code block of a document.
type block struct {
	doc  string // path from the repository's root
	line int    // of its first line
	lang string
	name string // what stands behind the language: a file's name, or what it is a part of
	text string
}

// documents are the Markdown files of the repository, by their paths from its root.
func documents(t *testing.T) map[string]string {
	t.Helper()
	docs := make(map[string]string)
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() && (name == "node_modules" || name == "testdata" || strings.HasPrefix(name, ".") && name != "..") {
			return fs.SkipDir
		}
		if filepath.Ext(name) != ".md" {
			return nil
		}
		data, err := os.ReadFile(path)
		docs[filepath.ToSlash(strings.TrimPrefix(path, ".."+string(filepath.Separator)))] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, must := range []string{"README.md", "docs/adapters.md"} {
		if docs[must] == "" {
			t.Fatalf("%s was not found", must)
		}
	}
	return docs
}

// blocks are the fenced code blocks of a document, in order.
func blocks(doc, text string) []block {
	var list []block
	var open *block
	var fence string
	for i, line := range strings.Split(text, "\n") {
		switch {
		case open == nil && strings.HasPrefix(line, "```"):
			info := strings.TrimLeft(line, "`")
			fence = line[:len(line)-len(info)]
			lang, name, _ := strings.Cut(strings.TrimSpace(info), " ")
			open = &block{doc: doc, line: i + 2, lang: lang, name: name}
		case open != nil && line == fence:
			list = append(list, *open)
			open = nil
		case open != nil:
			open.text += line + "\n"
		}
	}
	return list
}

// TestYAML loads every YAML file that a document shows as a whole, and every part of an adapter.
func TestYAML(t *testing.T) {
	whole := 0
	for doc, text := range documents(t) {
		shown := make(map[string]string) // the reader's files so far
		for _, b := range blocks(doc, text) {
			if b.lang != "yaml" {
				continue
			}
			if strings.HasSuffix(b.name, ".yaml") {
				shown[b.name] = b.text
			}
			content := b.text
			if b.name == "adapter" {
				content = "passrig-adapter: 1\nname: example\n" + content
			}
			options := scenarios.Options{Partial: true, ReadFile: func(name string) ([]byte, error) {
				if name == "the block.yaml" {
					return []byte(content), nil
				}
				if file, ok := shown[filepath.Clean(name)]; ok {
					return []byte(file), nil
				}
				return nil, fs.ErrNotExist
			}}
			var err error
			switch scenarios.Kind([]byte(content)) {
			case "scenario":
				_, err = scenarios.Load("the block.yaml", options)
			case "adapter":
				_, err = scenarios.LoadAdapter("the block.yaml", options)
			case "steps":
				_, err = scenarios.LoadSteps("the block.yaml", options)
			default:
				continue
			}
			whole++
			if err != nil {
				t.Errorf("%s:%d: this file does not load: %v", doc, b.line, err)
			}
		}
	}
	if whole < 10 {
		t.Errorf("only %d files were found in the documents", whole)
	}
}

// TestLinks follows every relative link to its file and heading.
func TestLinks(t *testing.T) {
	docs := documents(t)
	link := regexp.MustCompile(`\]\(([^)\s]+)\)`)
	for doc, text := range docs {
		for _, m := range link.FindAllStringSubmatch(withoutBlocks(text), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			path, anchor, _ := strings.Cut(m[1], "#")
			target := doc
			if path != "" {
				target = filepath.ToSlash(filepath.Join(filepath.Dir(doc), path))
			}
			if _, err := os.Stat(filepath.Join("..", target)); err != nil {
				t.Errorf("%s: nothing is at %q", doc, m[1])
			} else if anchor != "" && !slices.Contains(anchors(docs[target]), anchor) {
				t.Errorf("%s: %s has no heading for %q", doc, target, m[1])
			}
		}
	}
}

func withoutBlocks(text string) string {
	var out []string
	inside := false
	for line := range strings.SplitSeq(text, "\n") {
		if strings.HasPrefix(line, "```") {
			inside = !inside
		} else if !inside {
			out = append(out, line)
		}
	}
	return strings.Join(out, "\n")
}

// anchors are the fragments by which GitHub reaches a document's headings.
func anchors(text string) []string {
	var list []string
	dropped := regexp.MustCompile(`[^\p{L}\p{N} _-]`)
	for line := range strings.SplitSeq(withoutBlocks(text), "\n") {
		if heading, ok := strings.CutPrefix(strings.TrimLeft(line, "#"), " "); ok && strings.HasPrefix(line, "#") {
			list = append(list, strings.ReplaceAll(strings.ToLower(dropped.ReplaceAllString(heading, "")), " ", "-"))
		}
	}
	return list
}

// TestPaths looks for every file and folder of the repository that a document names.
func TestPaths(t *testing.T) {
	named := regexp.MustCompile("`((?:cmd|docs|examples|internal|report|scenarios|virtual|\\.ci|\\.golangci)[a-z.]*/?[A-Za-z0-9_./-]*)`")
	for doc, text := range documents(t) {
		for _, m := range named.FindAllStringSubmatch(withoutBlocks(text), -1) {
			path := m[1]
			if !strings.Contains(path, "/") || strings.Contains(path, "NAME") {
				continue
			}
			if _, err := os.Stat(filepath.Join("..", path)); err != nil {
				t.Errorf("%s: there is no %s", doc, path)
			}
		}
	}
}

// TestMakeTargets looks every "make NAME" up in the Makefile.
func TestMakeTargets(t *testing.T) {
	makefile, err := os.ReadFile(filepath.Join("..", "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	mention := regexp.MustCompile("(?m)(?:`|^)make ([a-z-]+)")
	for doc, text := range documents(t) {
		for _, m := range mention.FindAllStringSubmatch(text, -1) {
			if !regexp.MustCompile(`(?m)^` + m[1] + `:`).Match(makefile) {
				t.Errorf("%s: there is no make %s", doc, m[1])
			}
		}
	}
}

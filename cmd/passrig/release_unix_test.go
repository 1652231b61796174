//go:build unix

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/passrig/passrig/internal/diag"
	"github.com/passrig/passrig/internal/source"
)

const root = "../.."

func readYAML(t *testing.T, name string) *source.Node {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	errs := &diag.Errors{}
	node := source.Read(source.NewFile(name, data), data, errs)
	if err := errs.Sorted(); err != nil {
		t.Fatal(err)
	}
	return node
}

func texts(n *source.Node) []string {
	var list []string
	for _, item := range n.Items {
		list = append(list, item.Value)
	}
	return list
}

// TestReleaseHooks runs what a release runs before it builds, with this passrig as bin/passrig, and looks for every file
// that the archives take.
func TestReleaseHooks(t *testing.T) {
	t.Parallel()
	config := readYAML(t, ".goreleaser.yaml")
	tag := readYAML(t, ".github/actions/passrig/action.yml").Get("inputs").Get("version").Get("default").Text()
	dir := t.TempDir()
	for _, name := range []string{"LICENSE", "README.md", "CHANGELOG.md", ".github"} {
		path, err := filepath.Abs(filepath.Join(root, name))
		if err == nil {
			err = os.Symlink(path, filepath.Join(dir, name))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	real, err := exec.LookPath("passrig")
	if err == nil {
		err = os.Mkdir(filepath.Join(dir, "bin"), 0o700)
	}
	if err == nil {
		err = os.Symlink(real, filepath.Join(dir, "bin", "passrig"))
	}
	if err != nil {
		t.Fatal(err)
	}
	hook := func(command, tag string) ([]byte, error) {
		cmd := exec.CommandContext(t.Context(), "sh", "-c", strings.ReplaceAll(command, "{{ .Tag }}", tag))
		cmd.Dir = dir
		return cmd.CombinedOutput()
	}
	ran := 0
	for _, command := range texts(config.Get("before").Get("hooks")) {
		if strings.HasPrefix(command, "go ") || strings.HasPrefix(command, "make ") {
			continue // they build what is here already
		}
		ran++
		if out, err := hook(command, tag); err != nil || len(out) > 0 {
			t.Errorf("%s: %v\n%s", command, err, out)
		}
		if strings.HasPrefix(command, "grep ") {
			if _, err := hook(command, "v0.0.0"); err == nil {
				t.Errorf("%s: does not notice that the action installs another release", command)
			}
		}
	}
	if ran < 6 {
		t.Errorf("only %d hooks", ran)
	}
	for _, file := range config.Get("archives").Item(0).Get("files").Items {
		pattern := file.Value
		if src := file.Get("src"); src != nil {
			pattern = src.Value
		}
		found, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil || len(found) == 0 {
			t.Errorf("archives: nothing is at %s: %v", pattern, err)
		}
		for _, name := range found {
			if info, err := os.Stat(name); err != nil || info.Size() == 0 {
				t.Errorf("archives: %s is empty: %v", name, err)
			}
		}
	}
}

// TestContainerFiles looks for everything that a container file copies in what the release gives to it, and holds that
// base images are pinned and programs not run by root.
func TestContainerFiles(t *testing.T) {
	t.Parallel()
	config := readYAML(t, ".goreleaser.yaml")
	build := config.Get("builds").Item(0)
	images := config.Get("dockers_v2").Items
	if len(images) != 2 {
		t.Fatalf("%d images", len(images))
	}
	for _, image := range images {
		name := image.Get("dockerfile").Text()
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		for _, platform := range texts(image.Get("platforms")) {
			goos, goarch, _ := strings.Cut(platform, "/")
			if !slices.Contains(texts(build.Get("goos")), goos) || !slices.Contains(texts(build.Get("goarch")), goarch) {
				t.Errorf("%s: nothing is built for %s", name, platform)
			}
		}
		given := texts(image.Get("extra_files"))
		for _, file := range given {
			if _, err := os.Stat(filepath.Join(root, file)); err != nil {
				t.Error(err)
			}
		}
		given = append(given, "$TARGETPLATFORM/"+build.Get("binary").Text())
		stages, user := []string{"scratch"}, ""
		for line := range strings.SplitSeq(strings.ReplaceAll(string(text), "\\\n", " "), "\n") {
			words := strings.Fields(line)
			if len(words) == 0 || strings.HasPrefix(words[0], "#") {
				continue
			}
			switch words[0] {
			case "FROM":
				if !slices.Contains(stages, words[1]) && !regexp.MustCompile(`^[a-z/.-]+:\d+\.\d+[a-z.-]*$`).MatchString(words[1]) {
					t.Errorf("%s: %s is not pinned", name, words[1])
				}
				stages = append(stages, words[len(words)-1])
			case "COPY":
				from, staged := strings.CutPrefix(words[1], "--from=")
				if staged && !slices.Contains(stages, from) {
					t.Errorf("%s: no stage %s", name, from)
				}
				for _, source := range words[1 : len(words)-1] {
					if !staged && !slices.Contains(given, source) {
						t.Errorf("%s: the release gives no %s to it", name, source)
					}
				}
			case "USER":
				user = words[1]
			case "ARG", "RUN", "WORKDIR", "ENTRYPOINT":
			default:
				t.Errorf("%s: what is %s?", name, words[0])
			}
		}
		if user == "" || strings.HasPrefix(user, "0") || user == "root" {
			t.Errorf("%s: runs as user %q", name, user)
		}
	}
}

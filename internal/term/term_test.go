package term

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

func TestColors(t *testing.T) {
	tests := []struct {
		name, flag string
		env        map[string]string
		tty        bool
		want       bool
	}{
		{"terminal", "auto", nil, true, true},
		{"pipe", "auto", nil, false, false},
		{"no flag", "", nil, true, true},
		{"NO_COLOR", "auto", map[string]string{"NO_COLOR": "1"}, true, false},
		{"NO_COLOR empty", "auto", map[string]string{"NO_COLOR": ""}, true, true},
		{"forced", "auto", map[string]string{"CLICOLOR_FORCE": "1"}, false, true},
		{"forced otherwise", "auto", map[string]string{"FORCE_COLOR": "true"}, false, true},
		{"forced with 0", "auto", map[string]string{"CLICOLOR_FORCE": "0", "FORCE_COLOR": "0"}, false, false},
		{"NO_COLOR beats force", "auto", map[string]string{"NO_COLOR": "1", "FORCE_COLOR": "1"}, true, false},
		{"dumb", "auto", map[string]string{"TERM": "dumb"}, true, false},
		{"force beats dumb", "auto", map[string]string{"TERM": "dumb", "FORCE_COLOR": "1"}, true, true},
		{"flag always", "always", map[string]string{"NO_COLOR": "1", "TERM": "dumb"}, false, true},
		{"flag never", "never", map[string]string{"FORCE_COLOR": "1"}, true, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := Colors(tt.flag, func(name string) string { return tt.env[name] }, tt.tty); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestWhatIsNoTerminal(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "f"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if IsTerminal(f) || IsTerminal(&bytes.Buffer{}) || IsTerminal(nil) {
		t.Error("a file, a buffer or nothing is taken for a terminal")
	}
	if Width(int(f.Fd())) != 0 || WidthOf(f) != 0 || WidthOf(&bytes.Buffer{}) != 0 {
		t.Error("something that is no terminal has a width")
	}
}

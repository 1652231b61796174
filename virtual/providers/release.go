package providers

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// ParseRelease reads a release as people write it: "windows 11", "edge 152", "ios 26.1", "windows 11 25H2".
// The version is every number from the first one on; a text without one has none.
func ParseRelease(text string) Release {
	text = strings.Join(strings.Fields(text), " ")
	at := versionAt(text)
	r := Release{Name: strings.ToLower(strings.TrimSpace(text[:at])), Text: text}
	for number := range strings.FieldsFuncSeq(text[at:], func(c rune) bool { return c < '0' || c > '9' }) {
		n, err := strconv.Atoi(number)
		if err != nil { // more digits than any version has
			break
		}
		r.Version = append(r.Version, n)
	}
	return r
}

// versionAt is where the version of a release begins: at the first word that begins with a digit, but not
// at the very beginning, where it is a name; else at the first digit.
func versionAt(text string) int {
	first := -1
	for i, c := range text {
		if i == 0 || !unicode.IsDigit(c) {
			continue
		}
		if text[i-1] == ' ' {
			return i
		}
		if first < 0 {
			first = i
		}
	}
	if first < 0 || unicode.IsDigit(rune(text[0])) {
		return len(text)
	}
	return first
}

// parseRequirement reads "NAME", "NAME >= VERSION", either of them with " on OS" behind it.
func parseRequirement(text string) (Requirement, bool) {
	text, on, _ := cutFold(strings.Join(strings.Fields(text), " "), " on ")
	name, from, bounded := strings.Cut(text, ">=")
	r := Requirement{Name: strings.TrimSpace(name), On: strings.TrimSpace(on)}
	if bounded {
		r.From = ParseRelease("v " + from).Version
	}
	return r, r.Name != "" && !strings.ContainsAny(r.Name, "<>=") && bounded == (len(r.From) > 0)
}

func cutFold(s, sep string) (before, after string, found bool) {
	if i := strings.Index(strings.ToLower(s), sep); i >= 0 && i+len(sep) <= len(s) {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

// String is the requirement in words: "Edge 142 or later on Windows".
func (r Requirement) String() string {
	text := r.Name
	if r.Name == Any {
		text = "any client"
	}
	if len(r.From) > 0 {
		text += " " + dotted(r.From) + " or later"
	}
	if r.On != "" {
		text += " on " + r.On
	}
	return text
}

func dotted(version []int) string {
	parts := make([]string, len(version))
	for i, n := range version {
		parts[i] = strconv.Itoa(n)
	}
	return strings.Join(parts, ".")
}

// called reports whether a release's name is the one meant: "microsoft edge" is called "Edge", "mac os" is
// called "macOS".
func (r Release) called(name string) bool {
	name = strings.ToLower(name)
	return name == Any || strings.ReplaceAll(r.Name, " ", "") == strings.ReplaceAll(name, " ", "") ||
		strings.Contains(" "+r.Name+" ", " "+name+" ")
}

// reaches reports whether a release is at least version from. One that says less than from does counts as
// the newest of its kind, and assumed is true then.
func (r Release) reaches(from []int) (ok, assumed bool) {
	if len(r.Version) < len(from) && slices.Equal(r.Version, from[:len(r.Version)]) {
		return true, true
	}
	return compareVersions(r.Version, from) >= 0, false
}

func compareVersions(a, b []int) int {
	for i := range max(len(a), len(b)) {
		var x, y int
		if i < len(a) {
			x = a[i]
		}
		if i < len(b) {
			y = b[i]
		}
		if c := cmp.Compare(x, y); c != 0 {
			return c
		}
	}
	return 0
}

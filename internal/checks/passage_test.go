package checks

import "testing"

// The answer that brought a challenge is found however it is written, and no other is taken for it.
func TestHolders(t *testing.T) {
	challenge := []byte("0123456789\xfb\xff")
	for body, want := range map[string]int{
		`{"publicKey": {"challenge": "MDEyMzQ1Njc4Ofv_"}}`:                  1,
		`{"options": [{"challenge": "MDEyMzQ1Njc4Ofv/"}]}`:                  1,
		`{"challenge": "30313233343536373839FBFF"}`:                         1,
		`{"options": "{\"challenge\": \"MDEyMzQ1Njc4Ofv_\"}"}`:              1,
		`{"challenge": "MDEyMzQ1Njc4Ofv_", "o": {"c": "MDEyMzQ1Njc4Ofv_"}}`: 2,
		`{"challenge": "MDEyMzQ1Njc4Ofs"}`:                                  0,
		`["MDEyMzQ1Njc4Ofv_"]`:                                              0,
		`<html>MDEyMzQ1Njc4Ofv_</html>`:                                     0,
	} {
		if got := len(holders(readJSON([]byte(body)), challenge)); got != want {
			t.Errorf("%s: %d objects, want %d", body, got, want)
		}
	}
	if !stands("plain text", []byte("plain text")) {
		t.Error("a challenge that is sent as it is was not found")
	}
}

package scenarios

import (
	"reflect"
	"strings"
)

// Profile is what a target declares about itself, for checks that depend on it.
type Profile struct {
	Pos               Pos      `yaml:"-"`
	Preset            string   `yaml:"preset" enum:"fido,demo" doc:"fido: the server of a FIDO conformance test, which lets anyone add passkeys to any name. demo: a demo that does so too."`
	UV                string   `yaml:"uv" enum:"required,preferred,discouraged" doc:"User verification that it insists on."`
	Origins           []string `yaml:"origins" doc:"Every origin that it accepts." example:"https://login.example.com"`
	Embedding         []string `yaml:"embedding" doc:"Origins of pages that may embed it in a frame, or none."`
	Attestation       string   `yaml:"attestation" enum:"none,requested,verified,required" doc:"What becomes of attestation: not asked for, asked for, verified when there, or required from a trusted authenticator."`
	Factor            string   `yaml:"factor" enum:"only,second" doc:"Whether a passkey alone signs in, or comes after a password."`
	Discoverable      string   `yaml:"discoverable" enum:"yes,no" doc:"Whether it offers login without a username."`
	ConditionalCreate string   `yaml:"conditional-create" enum:"yes,no" doc:"Whether it makes passkeys silently, after a login by password."`
	BackupPolicy      string   `yaml:"backup-policy" enum:"any,synced-only,device-bound-only" doc:"Which passkeys it takes."`
	RelatedOrigins    []string `yaml:"related-origins" doc:"Origins of other sites that use its RP ID (WebAuthn L3 §5.11)."`
	AllowSubset       string   `yaml:"allow-subset" enum:"yes,no" doc:"Whether it can ask for some of a user's passkeys only."`
	CanLock           string   `yaml:"can-lock" enum:"yes,no" doc:"Whether accounts can be locked."`
}

// Members are what the profile declares, by the member's name in the file. A profile that is nil declares nothing.
func (p *Profile) Members() map[string][]string {
	declared := make(map[string][]string)
	if p == nil {
		return declared
	}
	v := reflect.ValueOf(*p)
	for i := range v.NumField() {
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("yaml"), ",")
		switch value := v.Field(i).Interface().(type) {
		case string:
			if value != "" {
				declared[name] = []string{value}
			}
		case []string:
			if len(value) > 0 {
				declared[name] = value
			}
		}
	}
	return declared
}

// ProfileMembers are the names of what a profile can declare.
func ProfileMembers() []string {
	var names []string
	for _, f := range reflect.VisibleFields(reflect.TypeFor[Profile]()) {
		if name, _, _ := strings.Cut(f.Tag.Get("yaml"), ","); name != "-" {
			names = append(names, name)
		}
	}
	return names
}

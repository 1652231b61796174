package demorp

import (
	"bytes"
	"fmt"
)

// slip is a mistake in one of the page's files: where it should say one thing it says another.
type slip struct{ file, right, wrong string }

// pageFaults are mistakes that only the page makes: a client that speaks to the API does not meet them.
func pageFaults() []Fault {
	const app = "page/app.js"
	const create, get = "create({ publicKey: creationOptions(publicKey), signal", "get({ publicKey: requestOptions(publicKey), signal"
	return []Fault{
		{Name: "page-selection-dropped", Doc: "the page leaves out which authenticators the options select", page: []slip{
			{app, create, "create({ publicKey: { ...creationOptions(publicKey), authenticatorSelection: {} }, signal"},
		}},
		{Name: "page-verification-weakened", Doc: "the page asks for less user verification than the options do", page: []slip{
			{app, get, `get({ publicKey: { ...requestOptions(publicKey), userVerification: "discouraged" }, signal`},
		}},
		{Name: "page-options-kept", Doc: "the page tries again with the options of a login that came to nothing", page: []slip{
			{
				app, `const { publicKey } = await call("POST", "/api/login/options", { timeout, ...wish });`,
				`const publicKey = JSON.parse(sessionStorage.kept ??= JSON.stringify((await call("POST", "/api/login/options", { timeout, ...wish })).publicKey));`,
			},
			{app, "    await refresh();\n    $(\"who-title\").focus();\n    say(`Signed in as", "    sessionStorage.clear();\n    await refresh();\n    $(\"who-title\").focus();\n    say(`Signed in as"},
		}},
		{Name: "page-platform-only", Doc: "the page does not take passkeys that are not on this device", page: []slip{
			{app, "const credential = await ask(publicKey);", `const credential = await ask(publicKey);
    if (credential.authenticatorAttachment !== "platform") throw new Error("Use this device.");`},
		}},
		{Name: "page-signals-partly", Doc: "the page leaves a passkey out when it tells password managers which are accepted", page: []slip{
			{app, "passkeys.map((p) => p.credentialId));", "passkeys.map((p) => p.credentialId).slice(1));"},
		}},
		{Name: "page-signals-early", Doc: "the page tells which passkeys are accepted before anybody is signed in", page: []slip{
			{app, `const { user } = await call("POST", "/api/login/result"`, `const { response } = credentialJSON(credential);
    await signalAccepted(rpId, response.userHandle, [credential.id]);
    const { user } = await call("POST", "/api/login/result"`},
		}},
	}
}

// OnPage says that the mistake is the page's.
func (f Fault) OnPage() bool { return len(f.page) > 0 }

// pageFile is a file of the page, with the slips in it.
func (f faults) pageFile(name string) ([]byte, error) {
	content, err := pageFiles.ReadFile(name)
	if err != nil {
		return nil, err
	}
	for _, fault := range f {
		for _, s := range fault.page {
			if s.file != name {
				continue
			}
			if !bytes.Contains(content, []byte(s.right)) {
				return nil, fmt.Errorf("fault %s: %s does not hold %q", fault.Name, name, s.right)
			}
			content = bytes.Replace(content, []byte(s.right), []byte(s.wrong), 1)
		}
	}
	return content, nil
}

package topics

import "slices"

// faults are the reasons why nothing can be said about a relying party's decision.
func faults() []Topic {
	return slices.Concat(connectionFaults(), answerFaults(), pageFaults(), runFaults())
}

// connectionFaults are those of getting an answer at all.
func connectionFaults() []Topic {
	return []Topic{
		{
			ID: "unreachable", Kind: KindFault, Title: "no connection to the relying party",
			What: "No connection could be made: nothing listens at the address, the host name has no address, or the network is in the way.",
			Fix:  "Start the relying party, and check the address: --origin, or target.origin and target.base-url in the file. target.connect-to maps a host name to another address. passrig doctor --origin URL tries the connection by itself.",
			See:  []string{"timeout", "tls", "exit-3"},
		},
		{
			ID: "timeout", Kind: KindFault, Title: "no complete answer in time",
			What: "The request was sent, and the whole answer did not come within the step's time (30 seconds unless --timeout or the step's timeout says otherwise).",
			Why:  "The relying party is stuck, overloaded, or waits for something, such as a mail that is sent while the client waits.",
			Fix:  "Look at its log for this request. If it is just slow, raise the limit with --timeout.",
			See:  []string{"unreachable", "closed"},
		},
		{
			ID: "closed", Kind: KindFault, Title: "the connection ended before the answer did",
			What: "The relying party, or a proxy before it, closed the connection without an answer or in the middle of one.",
			Why:  "Mostly a crash of the process or of the handler for this request, or a proxy that gave up.",
			Fix:  "The relying party's log should show the crash. Send the same request by itself: the HTML report has a curl command for it.",
			See:  []string{"timeout", "unexpected"},
		},
		{
			ID: "tls", Kind: KindFault, Title: "no trusted TLS connection",
			What: "The certificate is expired, for another name or from an authority this machine does not know, or the server does not speak TLS.",
			Fix:  "Name a private authority's PEM file with target.ca. For a server behind a TLS proxy, set target.origin to the https origin and target.base-url to where it listens.",
			Spec: "RFC 5280, RFC 9110 §4.3.4",
			See:  []string{"unreachable", "SecurityError"},
		},
	}
}

// answerFaults are those of an answer that came.
func answerFaults() []Topic {
	return []Topic{
		{
			ID: "too-large", Kind: KindFault, Title: "an answer larger than any ceremony needs",
			What: "The answer has more than 4 MiB and was not read to its end.",
			Why:  "Options and verdicts have some kilobytes. A huge answer is a wrong address, a debug page or a list that grows with the number of users.",
			Fix:  "Check the path in the adapter, and what the relying party sends there.",
			See:  []string{"not-json"},
		},
		{
			ID: "redirects", Kind: KindFault, Title: "redirects without end",
			What: "The request was redirected more than 10 times, or to something that is not a URL.",
			Why:  "A redirect loop is mostly a session that is not kept (a cookie with another domain, or Secure over http), or a proxy and a server that disagree about https.",
			Fix:  "The report lists where each redirect went. Check the cookies in them, and the public address that the relying party is set up with.",
			See:  []string{"clock", "missing"},
		},
		{
			ID: "not-json", Kind: KindFault, Title: "something else where JSON was expected",
			What: "The adapter reads the answer as JSON, and it is HTML, empty or garbage.",
			Why:  "A login page, a framework's error page or a single-page app's index.html that is served for unknown paths.",
			Fix:  "The message shows how the answer begins. Check origin and base-url, the path in the adapter, and whether the session was signed in.",
			See:  []string{"unexpected", "adapter"},
		},
		{
			ID: "unexpected", Kind: KindFault, Title: "neither a yes nor a no",
			What: "The answer is neither what the adapter's accept nor what its reject describes, for example a status of 500.",
			Why:  "passrig does not guess: a server that crashes on a forged credential has not rejected it.",
			Fix:  "If the relying party is broken, its log says why. If the answer is a proper yes or no, describe it in the adapter's accept or reject.",
			See:  []string{"rejected", "adapter"},
		},
		{
			ID: "no-options", Kind: KindFault, Title: "no usable options for a ceremony",
			What: "The answer that should hold the options of the ceremony has none, or they lack what the client needs: a challenge, and for a registration the RP, the user and the algorithms.",
			Fix:  "Check where the adapter says the options are (options: body.publicKey) and how binary members are encoded (encoding). If they are right, the relying party sends incomplete options.",
			Spec: "WebAuthn L3 §5.4 and §5.5, https://www.w3.org/TR/webauthn-3/#dictionary-makecredentialoptions",
			See:  []string{"TypeError", "adapter"},
		},
		{
			ID: "missing", Kind: KindFault, Title: "a value that the adapter needs is not in the answer",
			What: "The adapter saves a value from the answer (a token, a cookie, a form field), and it is not there.",
			Why:  "Another version of the relying party, another page than expected, or a session that was lost.",
			Fix:  "Look at the answer in the report. If the value is elsewhere, change the adapter's save; if it may be absent, mark it optional: true.",
			See:  []string{"adapter", "clock"},
		},
	}
}

// runFaults are those that lie in the surroundings of both.
func runFaults() []Topic {
	return []Topic{
		{
			ID: "tamper", Kind: KindFault, Title: "the changed response was never sent",
			What: "The step has tamper, but what the relying party answered was not an answer to the changed response: it refused before, at the options, or the change does not apply to this credential.",
			Why:  "A refusal for another reason says nothing about whether the relying party notices the change, so it must not pass for one.",
			Fix:  "Have a legal step of the same kind work right before it. A change that does not apply, such as one of an ECDSA signature for an RSA key, needs another device.",
			See:  []string{"unexpected", "error"},
		},
		{
			ID: "clock", Kind: KindFault, Title: "the relying party's clock and this machine's do not agree",
			What: "A cookie of the relying party had expired when it arrived, and its Date header shows that its clock is behind. A browser would drop the cookie too, and the session with it.",
			Why:  "Short sessions and a clock that is off by minutes are enough. Tokens and challenges with a time limit break in the same way.",
			Fix:  "Set both clocks (NTP), also in virtual machines and containers that were paused.",
			See:  []string{"missing", "redirects"},
		},
		{
			ID: "interrupted", Kind: KindFault, Title: "the run ended first",
			What: "The run was interrupted while the operation was under way, so it was not judged.",
			See:  []string{"exit-130", "skip"},
		},
		{
			ID: "adapter", Kind: KindFault, Title: "the adapter does not fit the relying party",
			What: "An expression of the adapter failed on what the relying party answered, or the adapter does not offer the operation.",
			Fix:  "Look at the answer in the report and at the place in the adapter that the message names. passrig list adapters shows what each built-in adapter was tested with; passrig init --write-adapter NAME starts one of your own.",
			See:  []string{"unexpected", "missing"},
		},
	}
}

// pageFaults are those of the browser driver.
func pageFaults() []Topic {
	return []Topic{
		{
			ID: "page", Kind: KindFault, Title: "a step on the page could not be done",
			What: "With --driver browser: an element that the adapter's page steps name did not appear, could not be used, or the page showed neither its yes nor its no in time.",
			Why:  "The page changed, is slow, threw an exception, or shows something else than the adapter expects, such as a login page or a cookie banner.",
			Fix:  "The HTML report has a screenshot, the console and the document. Try the selectors with --headed --slow-mo 500ms, and correct the operation's page: in the adapter.",
			See:  []string{"browser", "timeout"},
		},
		{
			ID: "browser", Kind: KindFault, Title: "Chrome ended while it was used",
			What: "The browser that --driver browser started crashed or was ended from outside, so that the operation under way could not be judged.",
			Why:  "Mostly too little memory, or a container without room in /dev/shm.",
			Fix:  "Run again; passrig doctor tries the browser by itself. PASSRIG_CHROME names another one.",
			See:  []string{"page", "exit-3"},
		},
	}
}

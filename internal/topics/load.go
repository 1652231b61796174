package topics

// loads are the words of a load.
func loads() []Topic {
	return []Topic{
		{
			ID: "generator-limited", Kind: KindLoad, Title: "passrig could not keep up with the load it was to make",
			What: "The generator of the load began iterations too late, or not all that were due. What was measured is then how busy passrig's machine was, and not how fast the relying party is: the run is an error (exit code 3), and no latency is claimed.",
			Why:  "Most load tools print such figures as if they were the server's. The usual reasons are a relying party on the same cores, a new TLS connection for every ceremony (many times the work of the ceremony itself), or simply too much asked for.",
			Fix:  "Ask for less, give passrig more cores or a machine of its own, share the load between machines with --segment, or keep connections alive. signing: pool and X25519 alone make a ceremony cheaper.",
			See:  []string{"lag", "error", "exit-3"},
		},
		{
			ID: "lag", Kind: KindLoad, Title: "how late the generator began its iterations",
			What: "The time from when an iteration should have begun to when it did, as generator.lag. It is part of every latency that counts from the intended start, and shown apart so that it can be told from the relying party's.",
			See:  []string{"generator-limited", "open-model"},
		},
		{
			ID: "open-model", Kind: KindLoad, Title: "iterations begin by the clock",
			What: "arrival: iterations begin on a schedule, as people do who know nothing of each other. If the relying party is slow, more of them are under way at a time. What is due and finds no free place waits, and the wait is part of its latency.",
			Why:  "It is the model that answers how a relying party bears so many logins a second.",
			See:  []string{"closed-model", "lag"},
		},
		{
			ID: "closed-model", Kind: KindLoad, Title: "some users go on in a loop",
			What: "concurrency: each user begins when the last iteration has ended. While the relying party stalls, nobody asks, so a stall of two seconds is one slow answer for each user and not one for everybody who would have come in that time.",
			Why:  "Its percentiles can be tens of times too low. It fits jobs and robots, and finding out how much goes through; not people.",
			See:  []string{"open-model"},
		},
		{
			ID: "censored", Kind: KindLoad, Title: "still under way when the run ended",
			What: "An iteration that had begun, and had not ended when what was under way was no longer waited for (drain). How long it takes is unknown, and more than was waited; it is in no latency.",
			Fix:  "A longer drain waits for more of them. If there are always some, the relying party does not answer.",
			See:  []string{"timeout", "interrupted"},
		},
		{
			ID: "throttled", Kind: KindLoad, Title: "the relying party asked to come later",
			What: "It answered 429, or 503 with Retry-After: a rate limit, which is neither a yes nor a no to the credential.",
			Fix:  "A limit for each user or address is met early by a load from one machine. Lift it for the test, or ask for less.",
			Spec: "RFC 6585 §4, RFC 9110 §10.2.3", See: []string{"server-error", "unexpected"},
		},
		{
			ID: "server-error", Kind: KindLoad, Title: "the relying party failed",
			What: "It answered with a status of 500 or above, other than one that asks to come later.",
			Fix:  "Its log says why. Under load these are often pools that are too small: of connections to its database, of workers.",
			See:  []string{"throttled", "unexpected"},
		},
		{
			ID: "exhausted", Kind: KindLoad, Title: "this machine has no more ports or file descriptors",
			What: "A connection could not be made because of a limit here. It says nothing about the relying party.",
			Fix:  "Keep connections alive, raise the limit of open files (ulimit -n), or lower max-in-flight. Ports that have been used stay taken for a minute or so; a new connection for every ceremony uses up 28 000 of them in no time.",
			See:  []string{"generator-limited", "unreachable"},
		},
	}
}

// Package scenarios is passrig's language: scenario files, and the adapters that say how one kind of
// relying party (RP) is spoken to.
//
// [Load] and [LoadAdapter] read a file, report every mistake in it at once with its position, and
// compile every expression, so that what they return can run without further checks. Nothing here
// sends a request.
//
// The struct tags on the types of this package are the language's only definition: the decoder, the
// JSON Schema ([Schema]) and the reference in docs/ are all made from them.
package scenarios

// Package rp speaks to a relying party through an adapter: it turns an operation's HTTP steps into
// requests, keeps cookies and saved values per session, times every phase of a ceremony, and says how
// the relying party answered.
//
// It knows no particular relying party: everything peculiar is data in the adapter. It judges
// nothing either; an answer is accepted, rejected, refused by the client, or a [Fault].
package rp

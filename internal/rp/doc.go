// Package rp speaks to a relying party through an adapter: it turns an operation's HTTP steps into
// requests, keeps cookies and saved values per session, times every phase of a ceremony, and says how
// the relying party answered.
//
// For loads, a [Planner] compiles operations into templates that are filled in, instead of interpreting the adapter each
// time; what is sent and how it is taken is the same.
//
// It knows no particular relying party: everything peculiar is data in the adapter. It judges
// nothing either; an answer is accepted, rejected, refused by the client, or a [Fault].
package rp

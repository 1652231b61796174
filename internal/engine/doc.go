// Package engine runs scenarios: it keeps users, devices, sessions and variables, performs one step
// after the other, judges each by what the relying party does afterwards, and writes the result model.
//
// What happens in a step is data in the scenario; how the relying party is spoken to is internal/rp;
// what a device answers is virtual. The engine only connects them and never prints.
package engine

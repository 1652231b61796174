// Package engine runs scenarios: it keeps users, devices, sessions and variables, performs one step
// after the other, judges each by what the relying party does afterwards, and writes the result model.
//
// Where passkeys travel, each provider has a cloud of virtual/fabric and each of its devices a replica there. A device
// brings itself up to date when a page asks for a ceremony, and refuses what its provider's rules do not allow.
//
// What happens in a step is data in the scenario; how the relying party is spoken to is internal/rp;
// what a device answers is virtual. The engine only connects them and never prints.
package engine

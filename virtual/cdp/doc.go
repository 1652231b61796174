// Package cdp puts virtual devices on a real Chrome: pages of a relying party run as in a person's
// browser, and their passkey ceremonies are answered without one.
//
// [Find] looks for a browser and [Launch] starts it. A [Device] is a browser context of its own with a
// page. Its ceremonies are answered on one of two roads: (a) by Chrome's own virtual authenticators,
// reached through all of the browser's checks, or (b) by a [virtual.SoftwareDevice] behind
// navigator.credentials, which has every algorithm, attestation and provider's habits, and whose
// responses can be forged. [Limits] tells them apart.
//
// A device is driven by its pages ([Device.Page], page steps) or, as a [virtual.Device], one ceremony
// at a time: [Device.Create] and [Device.Get] split the sign-in, so that a program exchanges options and
// responses with the relying party itself and the browser does nothing but the ceremony. It happens on a
// blank page of the request's origin, which Chrome is given from here: https://login.example.test needs
// neither a server nor a certificate for that. Only a list of related origins is fetched from where
// [Config.Hosts] leads.
//
// [Page.Ceremonies] and [Device.Signals] say what the pages' scripts did and how long it took, from
// inside the page: Chrome's network log costs milliseconds per ceremony and stays off. What is measured
// is the relying party and the browser. A virtual authenticator answers at once, so it never stands for
// a person or a phone.
//
// Chrome's protocol is spoken over a pipe with rod's protocol types (rod/lib/proto), and nothing else of
// rod: its launcher downloads browsers, its client reads this program's command line. Commands of
// Chrome that rod does not know yet, or whose false it would drop, are sent as own types.
package cdp

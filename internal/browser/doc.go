// Package browser is the driver that does operations on the relying party's own pages, in Chrome: what
// a person does is the adapter's page steps, what their device answers is the same authenticator that
// the API driver has, behind navigator.credentials.
//
// An operation without page steps, such as list, is sent over the API in the page's session.
package browser

// Package matrix holds providers against relying parties: for every pair it has the engine play scenarios, the facets,
// and says what each came to.
//
// Providers, relying parties and facets are data. What a facet asks of a provider it is told by params (see params.go);
// what is seen there beyond its verdict is read off its ceremonies (see seen.go).
package matrix

// Package sourcetest holds the tests that every realmport.Source must pass. An adapter's own
// test calls Run with a function that makes tables from their neutral description.
package sourcetest

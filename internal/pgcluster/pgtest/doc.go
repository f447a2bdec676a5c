// Package pgtest gives tests their own databases on the PostgreSQL server that the
// environment variable REALMPORT_TEST_POSTGRES names, which withpg sets.
//
// Tests that find no server are skipped, unless REALMPORT_TEST_REQUIRE is "all": then
// they fail.
package pgtest

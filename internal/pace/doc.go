// Package pace holds back the reading of a source for the sake of its server: by a rate, by pauses while the server is
// busy, and by a limit on how long a snapshot may be open.
package pace

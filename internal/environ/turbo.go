package environ

// Turborepo's variables for its remote cache.
const (
	// TurboToken is the credential for the server.
	TurboToken = "TURBO_TOKEN"
	// TurboTeam is the team's name, and TurboTeamID its ID, such as team_4x2.
	TurboTeam   = "TURBO_TEAM"
	TurboTeamID = "TURBO_TEAMID"
)

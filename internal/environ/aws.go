package environ

// Variables of the AWS CLI.
const (
	AWSAccessKey     = "AWS_ACCESS_KEY_ID"
	AWSSecretKey     = "AWS_SECRET_ACCESS_KEY"
	AWSSessionToken  = "AWS_SESSION_TOKEN"
	AWSRegion        = "AWS_REGION"
	AWSDefaultRegion = "AWS_DEFAULT_REGION"
	AWSProfile       = "AWS_PROFILE"
	// AWSWebIdentity is the file of a token, for which there are credentials.
	AWSWebIdentity = "AWS_WEB_IDENTITY_TOKEN_FILE"
	// AWSContainer and AWSContainerFull are where a container asks for credentials.
	AWSContainer     = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"
	AWSContainerFull = "AWS_CONTAINER_CREDENTIALS_FULL_URI"
	// AWSNoMetadata is "true" if a machine must not be asked for its own credentials.
	AWSNoMetadata = "AWS_EC2_METADATA_DISABLED"
)

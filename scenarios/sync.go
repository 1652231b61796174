package scenarios

// SyncSection is how passkeys travel between the devices of an account.
type SyncSection struct {
	Pos        Pos      `yaml:"-"`
	Delay      *Delay   `yaml:"delay" doc:"How long a change is under way to another device: a time, or a distribution. Default: passkeys travel at sync steps, and at once."`
	Loss       Share    `yaml:"loss" doc:"How many of the messages to devices are lost, and sent again. Default: 0%."`
	Duplicates Share    `yaml:"duplicates" doc:"How many of them arrive twice. Default: 0%."`
	Retry      Duration `yaml:"retry" doc:"How long after a loss it is sent again. Default: 30s."`
	State      string   `yaml:"state" doc:"A file that keeps what the providers' clouds know, relative to this file, with its audit log beside it. Default: it is kept in memory."`
	Study      *Study   `yaml:"study" doc:"What passrig sync --simulate plays in virtual time."`
}

// Delay is a distribution of times. As a scalar it is always the same time.
type Delay struct {
	Pos       Pos        `yaml:"-"`
	Constant  Duration   `yaml:"constant" scalar:"true" action:"distribution" doc:"Always this time."`
	LogNormal *LogNormal `yaml:"log-normal" action:"distribution" doc:"Mostly short, sometimes very long."`
	File      string     `yaml:"file" action:"distribution" doc:"A file of measured times to draw from, one in each line, relative to this file."`
}

// LogNormal is a log-normal distribution of times.
type LogNormal struct {
	Median Duration `yaml:"median,required" doc:"Half of the times are shorter."`
	P99    Duration `yaml:"p99,required" doc:"99 of 100 times are shorter."`
}

// Study is a simulation of many accounts, each like one of the file's. Flags of passrig sync replace its members one by
// one.
type Study struct {
	Pos       Pos            `yaml:"-"`
	Accounts  Int            `yaml:"accounts" min:"1" max:"100000000" doc:"How many accounts. Default: 1000."`
	Devices   Int            `yaml:"devices" min:"1" max:"64" doc:"Devices of each. Default: as many as an account of the file has, and at least 2."`
	Events    Int            `yaml:"events" min:"1" max:"100000" doc:"How many things happen in each account. Default: 10."`
	For       Duration       `yaml:"for" doc:"Virtual time in which they happen. Default: 24h."`
	PINErrors Share          `yaml:"pin-errors" doc:"How many of the PINs that people type are wrong. Default: 1%."`
	Offline   Share          `yaml:"offline" doc:"The share of its time that a device is offline. Default: 0%."`
	Mix       map[string]Int `yaml:"mix" keys:"create,login,replace,rename,delete,delete-signaled,delete-at-provider,unlock,sync-off,rotate" min:"0" max:"1000000" doc:"What happens, with the weight of each. Default: login 10, create 4, replace 2, rename 2, and 1 each of delete, delete-signaled, delete-at-provider and unlock."`
}

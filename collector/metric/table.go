package metric

// Families lists every family, grouped by the collector that emits it. It must
// not be changed.
var Families = []*Family{
	Packets, Bytes, WirePackets, LayerCrossings, UnmatchedStages, StageDuration, LostEvents,
	SocketReadWait,
	QdiscWait, DriverXmit, NAPIPollPackets, NAPIBudgetExhausted,
	SoftirqWait, SoftirqRun,
	NetfilterHookDuration,
	FlowBytes, FlowPackets, FlowRetransmits, FlowRTT, Flows, FlowEvictions,
	Sockets, SocketQueueBytes, SocketNamespaces, ListenerConnections, ListenerQueueBytes,
	TCPRetransmits, TCPResets, TCPRoundTrip, TCPConnectDuration, TCPZeroWindowEvents, TCPZeroWindow,
	TCPCongestion, TCPDuplicateAcks, TCPBadChecksums,
	TCPOutOfOrder, TCPListenOverflows, TCPListenDrops, TCPSYNCookies, TCPChallengeAcks,
	TCPAcceptQueueLength, TCPAcceptQueueLimit, TCPNetworkNamespaces,
	Drops, DropLocations, NetfilterDrops, DeviceDrops, SocketOverflows, ICMPErrorsSent, RouteLookupFailures, NeighborFailures,
	PostureState, PostureValue, PosturePMTUExceptions,
	StackPathSamples, StackPathTimed, StackPathStep, StackPathFunction, StackPathPackets, StackPathOffered, StackPathChosen, StackPathRatio, StackPathTurns, StackPathSpent, StackPathAttached,
	StackPathRuns, StackPathLost, StackPathLastTurn, StackPathHooks,
	GuarderRulePackets, GuarderRuleBytes, GuarderRuleInfo, GuarderRuleLastMatch, GuarderRules, GuarderClampedRules,
	GuarderTemporaryRules, GuarderExpiredRules,
	GuarderPackets, GuarderWouldDrop, GuarderUnmatched, GuarderKept, GuarderUnparsable, GuarderSocketLookups, GuarderLimitFull, GuarderServicePackets,
	GuarderICMPPackets, GuarderICMPQuoted, GuarderSources, GuarderCountryPackets, GuarderASPackets,
	GuarderAttached, GuarderModeCeiling, GuarderInForce, GuarderGeneration, GuarderApplied, GuarderApplySuccessful, GuarderUnconfirmed, GuarderConfirmBy,
	GuarderTripped, GuarderKeptConnections, GuarderProtectedUntil,
	GuarderSetEntries, GuarderMapEntries, GuarderMapRoom, GuarderSamples, GuarderSamplesLost, GuarderProgramRuns, GuarderProgramSeconds,
	GuarderBindings, GuarderBindingChanges,
	GuarderFeedPackets, GuarderFeedInfo, GuarderFeedEntries, GuarderFeedExcluded, GuarderFeedInForce, GuarderFeedLastSuccess, GuarderFeedStaleAfter,
	GuarderFeedRefused, GuarderFeedRefusals, GuarderFeedMemory,
	GuarderBans, GuarderBanPackets, GuarderBanEvents,
	GuarderConnections, GuarderUncounted, GuarderRuleConnections, GuarderRuleConnectionsLimit,
	GuarderCookiesActive, GuarderCookiesSent, GuarderCookiesLeft, GuarderCookiesChecked,
	LocatorRTT, LocatorProbesSent, LocatorProbesLost, LocatorRTTMin, LocatorRTTMedian, LocatorJitter, LocatorLoss, LocatorLossLow,
	LocatorDestinationInfo, LocatorPathState, LocatorPathFailing, LocatorPathReached, LocatorPathBlocked, LocatorPathHops, LocatorReverseHops,
	LocatorPathASes, LocatorPathWidth, LocatorBranchesKnown, LocatorPathMTU, LocatorPathMTULink, LocatorMTUBlackHole, LocatorNAT,
	LocatorPathID, LocatorPathChanges, LocatorPathChanged, LocatorRisk, LocatorRiskUnknown, LocatorRiskScore, LocatorRiskPoints,
	LocatorTTLProbesSent, LocatorTTLReplies, LocatorTTLLoss, LocatorTTLLimited, LocatorTTLLossy, LocatorTTLRTT,
	LocatorHopRTT, LocatorHopRTTMin, LocatorHopJitter, LocatorHopStddev, LocatorHopInfo, LocatorHopImplausible, LocatorHopBlocklisted, LocatorPathPoint,
	LocatorLink,
	LocatorPassiveRTT, LocatorPassiveRTTMin, LocatorPassiveRetransmits, LocatorPassiveConnections, LocatorPassiveBytes,
	LocatorWay, LocatorPackets, LocatorSkipped, LocatorShared, LocatorLag, LocatorInterval, LocatorLate, LocatorDuplicate, LocatorUnmatched,
	LocatorDropped, LocatorTimestamps, LocatorRefused, LocatorPositionKnown, LocatorOverflow,
	LocatorDBInfo, LocatorDBBuilt, LocatorDBEntries, LocatorDBReloads, LocatorDBSuccessful, LocatorDBDamaged, LocatorHistoryBytes, LocatorHistoryRecords,
	LocatorHistoryDropped, LocatorHistorySuccessful,
	AnnotatorRequests, AnnotatorRequestDuration, AnnotatorAlerts, AnnotatorTruncated, AnnotatorDuplicates, AnnotatorInboxDepth, AnnotatorInboxOldest, AnnotatorInboxBytes,
	AnnotatorStoreBytes, AnnotatorStoreFree, AnnotatorReconciled, AnnotatorEpisodes, AnnotatorStorm,
	AnnotatorJobs, AnnotatorJobDuration, AnnotatorPendingJobs, AnnotatorFirst, AnnotatorQueries, AnnotatorMissing, AnnotatorFactsDuration, AnnotatorExplanations,
	AnnotatorWithheld, AnnotatorSuspected, AnnotatorFeedback,
	AnnotatorLLMRequests, AnnotatorLLMDuration, AnnotatorLLMTokens, AnnotatorLLMCost, AnnotatorLLMSkipped, AnnotatorLLMBreaker, AnnotatorLLMMode,
	AnnotatorLLMRejections, AnnotatorCache, AnnotatorTokensLeft,
	AnnotatorSuggestions, AnnotatorSuggestionRejections, AnnotatorSinkRequests, AnnotatorOutboxDepth, AnnotatorOutboxOldest, AnnotatorSinkPaused, AnnotatorSinkUnfit,
	AnnotatorDead,
	ProbeAttached, ProbeRuns, ProbeRunSeconds, ProbeStatsWindow, MapEntries, MapCapacity,
	NetworkNamespaces, SamplingRatio, SeriesLimited,
	ScrapeCollectorDuration, ScrapeCollectorSuccess,
	BuildInfo, ConfigReloadSuccessful, ConfigReloadSuccessTime, GuarderAlerts, GuarderAlertsTotal, GuarderAlertQueue,
	TracingPackets, TracingSpansRejected, TracingQueue, TracingSamples,
}

// Of returns the families that the named collector emits, in the order of
// [Families].
func Of(collector string) []*Family {
	var of []*Family
	for _, f := range Families {
		if f.Collector == collector {
			of = append(of, f)
		}
	}
	return of
}

/*
 * features_network.h - a backbone as the network that the feature and noise stages run.
 */
#ifndef PIPELINE_FEATURES_NETWORK_H
#define PIPELINE_FEATURES_NETWORK_H

#include "models/backbone.h"
#include "pipeline/features_job.h"

/* The model must outlive it. */
feature_network feature_network_of(const backbone *model);

#endif

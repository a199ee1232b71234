/*
 * thin_start.h - a large problem begins near the optimum of a quarter of its rows.
 */
#ifndef PIPELINE_THIN_START_H
#define PIPELINE_THIN_START_H

#include "pipeline/descent.h"

/* Moves w [size] roughly to the optimum of every fourth row of each class, weighted so that
 * each class counts as in the whole. Does nothing when there are too few rows to gain from it.
 * The report counts steps, no passes: those are over all rows. */
spur_status thin_start(descent *of, double *w, spur_error *error) SPUR_MUST_USE;

#endif

/* ratio.h - a share between 0 and 1 as a whole number of millionths: what settings, sampling and tracing count in. */
#ifndef CORE_RATIO_H
#define CORE_RATIO_H

#include <stdint.h>

#define RATIO_WHOLE INT64_C(1000000)

#endif

"""Every figure in two steps: ``*_info`` says what is shown (plain values, tested by equality),
``plot_*`` renders it.

No plot holds a word of any language: words come in a ``*Labels`` tuple, already translated, and
numbers are written by the ``number`` or ``percent`` function of the caller's locale. What is live
or clickable is an option for ``st.echarts_chart``; what stands still is a Plotly figure.
"""

from core.plots.bars import (
    ClassCountsInfo,
    ClassCountsLabels,
    RecallInfo,
    RecallLabels,
    TopKInfo,
    class_counts_info,
    plot_class_counts,
    plot_recall,
    plot_top_k,
    recall_info,
    top_k_info,
)
from core.plots.curves import (
    CurveLabels,
    CurvesInfo,
    Line,
    StepCurveInfo,
    curves_info,
    plot_curves,
    plot_step_curve,
    step_curve_info,
)
from core.plots.matrix import (
    MatrixInfo,
    MatrixLabels,
    MatrixScale,
    MatrixStyle,
    cell_at,
    matrix_height,
    matrix_info,
    plot_matrix,
)
from core.plots.runs import RunsInfo, RunsLabels, plot_runs, runs_info
from core.plots.scatter import MapInfo, MapLabels, map_info, plot_map, points_at
from core.plots.spread import (
    BrightnessInfo,
    BrightnessLabels,
    SizesInfo,
    SizesLabels,
    brightness_info,
    plot_brightness,
    plot_sizes,
    sizes_info,
)
from core.plots.style import CIVIDIS, OKABE_ITO

__all__ = [
    "CIVIDIS",
    "OKABE_ITO",
    "BrightnessInfo",
    "BrightnessLabels",
    "ClassCountsInfo",
    "ClassCountsLabels",
    "CurveLabels",
    "CurvesInfo",
    "Line",
    "MapInfo",
    "MapLabels",
    "MatrixInfo",
    "MatrixLabels",
    "MatrixScale",
    "MatrixStyle",
    "RecallInfo",
    "RecallLabels",
    "RunsInfo",
    "RunsLabels",
    "SizesInfo",
    "SizesLabels",
    "StepCurveInfo",
    "TopKInfo",
    "brightness_info",
    "cell_at",
    "class_counts_info",
    "curves_info",
    "map_info",
    "matrix_height",
    "matrix_info",
    "plot_brightness",
    "plot_class_counts",
    "plot_curves",
    "plot_map",
    "plot_matrix",
    "plot_recall",
    "plot_runs",
    "plot_sizes",
    "plot_step_curve",
    "plot_top_k",
    "points_at",
    "recall_info",
    "runs_info",
    "sizes_info",
    "step_curve_info",
    "top_k_info",
]

"use strict";
(function () {
    /* Only adds to what is there: the pages read as well without it. */
    function valueOf(row, column) {
        var cell = row.cells[column];
        if (!cell.classList.contains("n")) {
            return cell.textContent.trim().toLowerCase();
        }
        return cell.hasAttribute("data-v") ? Number(cell.dataset.v) : -Infinity;
    }

    function sortBy(table, heading) {
        var column = heading.cellIndex;
        var down = heading.getAttribute("aria-sort") === "ascending";
        var body = table.tBodies[0];
        var rows = Array.from(body.rows).map(function (row) {
            return { row: row, value: valueOf(row, column) };
        });
        rows.sort(function (a, b) {
            var order = a.value < b.value ? -1 : a.value > b.value ? 1 : 0;
            return down ? -order : order;
        });
        body.append.apply(body, rows.map(function (item) { return item.row; }));
        table.querySelectorAll("th[aria-sort]").forEach(function (other) {
            other.removeAttribute("aria-sort");
        });
        heading.setAttribute("aria-sort", down ? "descending" : "ascending");
    }

    function makeSortable(table) {
        Array.from(table.tHead.rows[0].cells).forEach(function (heading) {
            var button = document.createElement("button");
            button.type = "button";
            button.append.apply(button, Array.from(heading.childNodes));
            button.addEventListener("click", function () { sortBy(table, heading); });
            heading.append(button);
        });
    }

    function makeFilter(table) {
        var label = document.createElement("label");
        var input = document.createElement("input");
        var count = document.createElement("output");
        label.className = "filter";
        input.type = "search";
        input.autocomplete = "off";
        label.append("Filter ", input, " ", count);
        input.addEventListener("input", function () {
            var words = input.value.toLowerCase();
            var shown = 0;
            Array.from(table.tBodies[0].rows).forEach(function (row) {
                row.hidden = row.textContent.toLowerCase().indexOf(words) < 0;
                shown += row.hidden ? 0 : 1;
            });
            count.textContent = words === "" ? "" : shown + " rows";
        });
        table.parentNode.before(label);
    }

    document.querySelectorAll("table.sortable").forEach(function (table) {
        makeSortable(table);
        if (table.tBodies[0].rows.length > 8) {
            makeFilter(table);
        }
    });

    document.addEventListener("keydown", function (event) {
        var steps = { ArrowLeft: "prev", ArrowRight: "next" };
        var rel = steps[event.key];
        if (!rel || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey ||
            event.target.closest("input, .scroll, select, textarea")) {
            return;
        }
        var link = document.querySelector("a[rel=" + rel + "]");
        if (link) {
            event.preventDefault();
            location.href = link.href;
        }
    });
})();
